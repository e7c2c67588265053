"""The sections `subtomograms` and `splits` of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ssn3d.core.settings import Fraction, Settings

Count = Annotated[int, Field(ge=1, le=65_535)] | Literal["all"]


class SelectionSettings(Settings):
    """The subtomograms of one tomogram."""

    size_voxels: int = Field(ge=8, le=256, multiple_of=8)
    """Edge of the cube."""
    count: Count
    """Number from each tomogram; all takes every particle whose cube lies inside."""
    balanced: bool
    """Equal numbers of all classes, as far as available."""
    centre_error_angstrom: float = Field(default=0.0, ge=0, le=200)
    """Standard deviation, along each axis, of a particle's place from the cube's centre."""
    target: Literal["centred", "all", "classes"]
    """Content of the masks: the centred particle, every particle, or the class of every voxel of
    cubes at random places, which are standardised by the whole tomogram."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for key in ("count", "independent_count"):
            if self.target == "classes" and getattr(self, key, None) == "all":
                raise ValueError(f"{key}: target classes takes random places; give their number")
        return self


class SubtomogramsSettings(SelectionSettings):
    """The subtomograms of all tomograms."""

    independent_count: Count
    """Number from each independent tomogram."""

    def of(self, tomogram: str) -> SelectionSettings:
        """Settings for one tomogram, by its name."""
        fields = self.model_dump(exclude={"independent_count"})
        if is_independent(tomogram):
            fields["count"] = self.independent_count
        return SelectionSettings(**fields)


def is_independent(tomogram: str) -> bool:
    """True if a tomogram, by its name, is used for scores alone."""
    return tomogram.startswith("independent")


class SplitsSettings(Settings):
    """The parts of a split."""

    by: Literal["subtomogram", "tomogram"]
    """Unit of the split: subtomograms, which may overlap those of other parts, or tomograms."""
    test_fraction: Fraction
    """Fraction of all in the test set."""
    validation_fraction: Fraction
    """Fraction of the rest in the validation set."""
