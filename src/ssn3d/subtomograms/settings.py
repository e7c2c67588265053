"""The sections `subtomograms` and `splits` of the configuration."""

from pydantic import Field

from ssn3d.settings import Fraction, Settings


class SubtomogramsSettings(Settings):
    """The subtomograms of a dataset."""

    size_voxels: int = Field(ge=8, le=256, multiple_of=8)
    """Edge of the cube."""
    count: int = Field(ge=10, le=10_000_000)
    """From all tomograms together."""
    balanced: bool
    """Equal numbers of all classes, as far as available."""


class SplitsSettings(Settings):
    """Fractions of the parts of a split."""

    test_fraction: Fraction
    """Of all."""
    validation_fraction: Fraction
    """Of the rest."""
