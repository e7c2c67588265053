"""The section `recovery` of the configuration."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ssn3d.core.settings import Fraction, PdbId, Settings
from ssn3d.models.card import model_names

Angstrom = Annotated[float, Field(gt=0, le=1e5)]


def _known(model: str) -> str:
    """Raise ValueError for what is neither the name of a model nor a file of weights."""
    names = model_names()
    if model not in names and not model.endswith(".pt"):
        known = ", ".join(names) or "none"
        raise ValueError(f"{model!r} is no file of weights (*.pt) and none of: {known}")
    return model


Model = Annotated[str, AfterValidator(_known)]


class PickingSettings(Settings):
    """How particles are found."""

    method: Literal["segmentation", "dog"]
    """A network on the whole tomogram, or difference of Gaussians."""
    model: Model | None
    """Name or file of weights of target `all`; none for the default."""
    threshold: Literal["auto"] | Annotated[float, Field(ge=0, le=1e6)]
    """Least probability of a voxel, or least height of a peak in standard deviations."""
    diameter_angstrom: Angstrom
    """Of the particles, for difference of Gaussians."""
    smallest_diameter_angstrom: Angstrom
    """Of the particles, for segmentation."""


class TargetSettings(Settings):
    """How the target at each pick is segmented."""

    model: Model | None
    """Name or file of weights of target `centred`; none for the default."""
    threshold: Fraction
    """Probability from which a voxel is the particle's."""


class AverageSettings(Settings):
    """How picks are aligned and averaged."""

    pdb_id: PdbId
    """Of simulated picks, those of this structure are averaged; of one's own, all."""
    diameter_angstrom: Angstrom
    """Of the sphere that holds the particle."""
    symmetry: Annotated[str, Field(pattern="^[CD][1-9][0-9]?$")]
    """Point group Cn or Dn"""
    reference: str | None
    """MRC file; without it a first reference is made of the particles."""
    masks: Literal["network", "sphere", "none"]
    """What of a particle is aligned."""
    first_resolution_angstrom: Angstrom
    """Of the first reference."""
    max_shift_angstrom: Angstrom
    """From the pick."""
    rounds: int = Field(ge=0, le=100)
    """In which each half set is aligned to its own average."""


class RecoverySettings(Settings):
    """What `snakemake recover` does with whole tomograms."""

    sheet: str | None
    """Table of one's own tomograms; without it, the independent ones are recovered and scored."""
    picking: PickingSettings
    segmentation: TargetSettings
    averaging: AverageSettings | None
    """Without it, nothing is averaged."""
    distance_angstrom: Angstrom
    """How near a pick must be to a true particle."""
