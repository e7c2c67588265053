"""The section `recovery` of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ssn3d.core.settings import Fraction, PdbId, Settings
from ssn3d.models.card import Model

Angstrom = Annotated[float, Field(gt=0, le=1e5)]


class PickingSettings(Settings):
    """Picking of particles."""

    method: Literal["segmentation", "dog", "both"]
    """A network on the whole tomogram, difference of Gaussians, or this ranked by the network."""
    model: Model | None
    """Name or file of weights for target `all`; null for the default model."""
    threshold: Literal["auto"] | Annotated[float, Field(ge=0, le=1e6)]
    """Minimum probability of a voxel, for segmentation; or height in standard deviations."""
    diameter_angstrom: Angstrom
    """Particle diameter, for difference of Gaussians."""
    smallest_diameter_angstrom: Angstrom
    """Smallest particle diameter, for segmentation."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        threshold = self.threshold
        if self.method == "segmentation" and threshold != "auto" and not 0 < threshold <= 1:
            raise ValueError(
                f"threshold: {threshold:g} is no probability, as method segmentation needs; give "
                "one above 0 and at most 1, or auto"
            )
        return self


class TargetSettings(Settings):
    """Segmentation of the particle at each pick."""

    model: Model | None
    """Name or file of weights for target `centred`; null for the default model."""
    threshold: Fraction
    """Minimum probability of a particle's voxels."""


class AverageSettings(Settings):
    """Alignment and averaging of picks."""

    pdb_id: PdbId
    """Structure whose picks are averaged in simulated tomograms; in others, all picks are."""
    diameter_angstrom: Angstrom
    """Diameter of the sphere that holds the particle."""
    symmetry: Annotated[str, Field(pattern="^[CD][1-9][0-9]?$")]
    """Point group Cn or Dn."""
    reference: str | None
    """MRC file of the first reference; null to make it from the particles."""
    masks: Literal["network", "sphere", "none"]
    """Mask in which particles are aligned."""
    first_resolution_angstrom: Angstrom
    """Resolution of the first reference."""
    max_shift_angstrom: Angstrom
    """Maximum shift from the pick."""
    rounds: int = Field(ge=0, le=100)
    """Rounds of aligning each half set to its own average."""


class RecoverySettings(Settings):
    """Settings of `snakemake recover`."""

    sheet: str | None
    """Table of tomograms; null to recover and score the independent simulated ones."""
    picking: PickingSettings
    segmentation: TargetSettings
    averaging: AverageSettings | None
    """Null to average nothing."""
    distance_angstrom: Angstrom
    """Maximum distance of a pick from its true particle."""
