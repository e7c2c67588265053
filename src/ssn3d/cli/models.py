"""`ssn3d models`."""

import argparse
import json

from ssn3d.core.errors import DataError
from ssn3d.models import card as cards


def run(arguments: argparse.Namespace) -> None:
    """List the models that come with the package, or print the card of one."""
    names = cards.model_names()
    if arguments.name is not None:
        if arguments.name not in names:
            known = ", ".join(names) or "none"
            raise DataError(f"model: {arguments.name!r} must be one of: {known}")
        print(
            json.dumps(
                cards.read_card(cards.FOLDER / f"{arguments.name}.json").model_dump(), indent=2
            )
        )
        return
    for name in names:
        card = cards.read_card(cards.FOLDER / f"{name}.json")
        used = ", default" if card.default else ""
        print(f"{name:<16} {card.target}{used}, {card.voxel_size_angstrom:g} A: {card.description}")
    if not names:
        print("No models come with this version; train one, and give its weights with --model.")
