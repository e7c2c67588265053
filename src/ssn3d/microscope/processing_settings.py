"""The sections `microscope.reconstruction` and `microscope.finish` of the configuration."""

from typing import Annotated, Literal

from pydantic import Field

from ssn3d.core.ranges import OneOf, OrRange
from ssn3d.core.settings import Settings

CTFCorrection = Literal["none", "phase_flip"]
RowFilter = Literal["ramp", "ramp_soft", "sirt_like"]
PeriodAngstrom = OrRange[Annotated[float, Field(ge=1, le=1e5)]]


class ReconstructionSettings(Settings):
    """Weighted back-projection of the tilt series."""

    filter: OneOf[RowFilter]
    """Filter of the images across the tilt axis; a list: each tomogram draws one."""
    soft_cutoff_cycles_per_pixel: OrRange[Annotated[float, Field(ge=0, le=0.5)]]
    """Frequency beyond which `ramp_soft` falls."""
    soft_falloff_cycles_per_pixel: OrRange[Annotated[float, Field(ge=0.001, le=0.5)]]
    """Standard deviation of the Gaussian by which `ramp_soft` falls."""
    sirt_iterations: OrRange[Annotated[float, Field(ge=1, le=10_000)]]
    """Number of iterations of SIRT that `sirt_like` resembles."""
    dose_weighting: OneOf[bool]
    """True: images are damped where the exposure before has damaged the specimen."""


class ByChance(Settings):
    """A step that some of the tomograms have."""

    probability: float = Field(ge=0, le=1)
    """Probability that a tomogram has this step."""


class HighPass(ByChance):
    """Gaussian high-pass filter."""

    period_angstrom: PeriodAngstrom
    """Period of which the fraction exp(-1/2) of the amplitude is removed."""


class Deconvolution(ByChance):
    """Wiener-like deconvolution of the CTF, with an assumed SNR that falls with frequency."""

    strength: OrRange[Annotated[float, Field(ge=0, le=3)]]
    """Assumed SNR at low frequencies, in units of a factor of 1000 (logarithmic)."""
    falloff: OrRange[Annotated[float, Field(ge=0, le=10)]]
    """Rate at which the assumed SNR falls with frequency, in units of 200 angstrom."""
    high_pass_angstrom: PeriodAngstrom
    """Period beyond which the assumed SNR falls to 0."""


class LowPass(ByChance):
    """Gaussian low-pass filter."""

    period_angstrom: PeriodAngstrom
    """Period of which the fraction exp(-1/2) of the amplitude remains."""


class Quantisation(ByChance):
    """Grey values as whole numbers of a few bits."""

    bits: int = Field(ge=2, le=11)
    """Number of bits of a voxel."""
    clipped_percent: OrRange[Annotated[float, Field(ge=0, le=10)]]
    """Percentage of voxels beyond the darkest and the brightest grey value, on each side."""


class FinishSettings(Settings):
    """Steps that follow the reconstruction, in this order."""

    high_pass: HighPass | None
    """High-pass filter."""
    deconvolution: Deconvolution | None
    """Deconvolution."""
    low_pass: LowPass | None
    """Low-pass filter."""
    quantisation: Quantisation | None
    """Grey values."""
