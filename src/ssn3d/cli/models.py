import argparse
import json

DESCRIPTION = "list the trained networks that come with the package, or print the card of one"
EXAMPLE = "ssn3d models resunet"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", help="model whose card is printed")


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.core.errors import DataError
    from ssn3d.models.card import FOLDER, Card, model_names

    cards = {name: Card.read(FOLDER / f"{name}.json") for name in model_names()}
    if arguments.name is None:
        width = max(map(len, cards))
        for name, card in cards.items():
            used = ", default" if card.default else ""
            about = f"{card.voxel_size_angstrom:g} A: {card.description}"
            print(f"{name:<{width}} {card.target}{used}, {about}")
    elif arguments.name in cards:
        print(json.dumps(cards[arguments.name].model_dump(), indent=2))
    else:
        raise DataError(f"model: {arguments.name!r} must be one of: {', '.join(cards)}")
