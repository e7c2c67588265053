"""The sections `subtomograms` and `splits` of the configuration."""

from pydantic import Field

from ssn3d.settings import Fraction, Settings


class SubtomogramsSettings(Settings):
    """Which subtomograms a dataset holds."""

    size_voxels: int = Field(ge=8, le=256, multiple_of=8)
    """Edge of the cube."""
    count: int = Field(ge=10, le=10_000_000)
    """Of all tomograms."""
    balanced: bool
    """The same number of every class, as far as there are."""


class SplitsSettings(Settings):
    """How the subtomograms are shared out."""

    test_fraction: Fraction
    """Of all."""
    validation_fraction: Fraction
    """Of what is not test."""
