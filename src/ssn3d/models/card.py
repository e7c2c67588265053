"""Card of a model: target, training data and settings, scores and licence."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, ValidationError

from ssn3d.core.classes import CLASSES
from ssn3d.core.errors import DataError
from ssn3d.core.settings import Settings
from ssn3d.core.standard import Standardised
from ssn3d.io.files import PathLike

FOLDER = Path(__file__).parent
Target = Literal["centred", "all"]


def in_order(names: list[str]) -> list[str]:
    """Raise ValueError unless these are classes in their order, the first two among them."""
    known = [name for name in CLASSES if name in names]
    if names != known or known[:2] != [*CLASSES[:2]]:
        raise ValueError(f"{', '.join(names)} must be some of {', '.join(CLASSES)}, in this order")
    return names


class Facts(Settings):
    """The part of a card that the files of a training do not contain."""

    description: str
    """One line, for the list of models."""
    target: Target
    """Centred: the particle at the centre of a subtomogram; all: every particle."""
    default: bool
    """True if commands use it unless told otherwise; one model per target."""
    voxel_size_angstrom: float = Field(gt=0)
    coarsest_voxel_angstrom: float | None = Field(None, gt=0)
    """Largest voxel size of the training data; null if it is the only one."""
    subtomogram_size_voxels: int = Field(ge=8, multiple_of=8)
    classes: Annotated[list[str], AfterValidator(in_order)] = Field(
        default_factory=lambda: [*CLASSES[:2]]
    )
    """Classes of the network's outputs; models without this key have the two of the paper."""
    standardised: Standardised = "tile"
    """What has mean 0 and standard deviation 1: each input cube, or the whole tomogram."""
    mask_threshold_dalton_per_nm3: float = Field(gt=0)
    """Density above which a voxel was foreground in the training masks."""
    data: str
    """Training data: tomograms, structures and subtomograms."""
    snr: list[float]
    """SNRs of the training data."""
    scores: dict[str, dict[str, float]]
    """Metrics in percent, by test data."""
    licence: str

    @classmethod
    def read(cls, path: PathLike) -> Self:
        """Read facts, or a card, from JSON. Raises DataError if they are missing or damaged."""
        try:
            return cls.model_validate_json(Path(path).read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "JSON"
            problem = f"{where}: {first['msg']}"
        except OSError as error:
            problem = error.strerror or str(error)
        raise DataError(
            f"{path}: not the {cls.__name__.lower()} of a model ({problem}); restore it"
        )


class Card(Facts):
    """Content of NAME.json."""

    network: str
    """Name in the registry of networks."""
    parameters: int
    protein: Literal["dark"]
    """Protein is negative in input images."""
    seed: int
    training: dict[str, Any]
    """Settings, epochs, best epoch and numbers of subtomograms."""
    ssn3d: str
    """Version of the package that trained it."""
    weights_sha256: str
    """SHA-256 of NAME.pt."""


def model_names(folder: Path = FOLDER) -> list[str]:
    """List the names of a folder's models."""
    return sorted(path.stem for path in folder.glob("*.json"))


def _is_known(model: str) -> str:
    names = model_names()
    if model not in names and not model.endswith(".pt"):
        known = ", ".join(names) or "none"
        raise ValueError(f"{model!r} is no file of weights (*.pt) and none of: {known}")
    return model


Model = Annotated[str, AfterValidator(_is_known)]
"""Name of a model, or file of weights, in the configuration."""


def weights_path(name: str, folder: Path = FOLDER) -> Path:
    """Path of the weights of a folder's model, by its name, or of a file named by its path."""
    return folder / f"{name}.pt" if name in model_names(folder) else Path(name)


def default_model(target: Target, folder: Path = FOLDER) -> str:
    """Name the default model of a target. Raises DataError if there is none."""
    for name in model_names(folder):
        card = Card.read(folder / f"{name}.json")
        if card.target == target and card.default:
            return name
    raise DataError(f"model: ssn3d has none for target {target!r}; give one with --model")
