"""The card of a model: what it does, what it was trained on, how, and how good it is."""

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from ssn3d.core.errors import DataError
from ssn3d.core.settings import Settings
from ssn3d.io.files import PathLike

FOLDER = Path(__file__).parent
Target = Literal["centred", "all"]
Content = TypeVar("Content", bound=Settings)


class Facts(Settings):
    """What the files of a training do not tell."""

    description: str
    """One line for the list of models."""
    target: Target
    """The particle at the centre of a subtomogram, or every particle."""
    default: bool
    """Whether commands use it if asked for none; one model of a target."""
    voxel_size_angstrom: float = Field(gt=0)
    subtomogram_size_voxels: int = Field(ge=8, multiple_of=8)
    mask_threshold_dalton_per_nm3: float = Field(gt=0)
    """The density above which a voxel was structure in the masks of the training."""
    data: str
    """Tomograms, structures and subtomograms."""
    snr: list[float]
    """The SNRs it was trained at."""
    scores: dict[str, dict[str, float]]
    """From test data to metrics in percent."""
    licence: str


class Card(Facts):
    """A card, as in NAME.json."""

    network: str
    """Key of the registry."""
    parameters: int
    protein: Literal["dark"]
    """How images are to be: with negative protein, mean 0 and standard deviation 1."""
    seed: int
    training: dict[str, Any]
    """Its settings, epochs, best epoch, and the numbers of subtomograms."""
    ssn3d: str
    """Version of the package that trained it."""
    weights_sha256: str
    """Of NAME.pt."""


def model_names(folder: Path = FOLDER) -> list[str]:
    """Name the models of a folder."""
    return sorted(path.stem for path in folder.glob("*.json"))


def read_card(path: PathLike) -> Card:
    """Read a card. Raises DataError where it is missing, damaged or something else."""
    return _read(path, Card)


def default_model(target: Target, folder: Path = FOLDER) -> str:
    """Name the model that is used for a target. Raises DataError if there is none."""
    for name in model_names(folder):
        card = read_card(folder / f"{name}.json")
        if card.target == target and card.default:
            return name
    raise DataError(f"model: none for target {target!r} comes with ssn3d; give one with --model")


def read_facts(path: PathLike) -> Facts:
    """Read facts. Raises DataError where they are missing, damaged or something else."""
    return _read(path, Facts)


def _read(path: PathLike, model: type[Content]) -> Content:
    try:
        return model.model_validate_json(Path(path).read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "JSON"
        problem = f"{where}: {first['msg']}"
    except OSError as error:
        problem = error.strerror or str(error)
    raise DataError(f"{path}: not the {model.__name__.lower()} of a model ({problem}); restore it")
