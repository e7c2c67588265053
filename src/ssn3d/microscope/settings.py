"""The sections `microscope` and `snr` of the configuration."""

import math
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from ssn3d.core.ranges import OneOf, OrRange
from ssn3d.core.settings import Device, PdbId, Settings
from ssn3d.microscope.processing_settings import (
    CTFCorrection,
    FinishSettings,
    ReconstructionSettings,
)
from ssn3d.specimen.settings import SpecimenSettings

_OFF_STEP = 1e-3
"""Largest distance of the last tilt from the highest, in steps, by rounding."""
TAKEN_NAMES = frozenset(
    {"acquisition", "density", "ground", "labels", "particles", "signal", "specimen", "tilts"}
)
"""Names of other files in the folder of a dataset's files."""
_STEEPEST_DEG = 85.0
"""Beyond it, 1 / cos and tan of a tilt are unphysically large."""

ANY_REFERENCE, BAND = "any", "band"
"""Values of `snr.reference_id` without a reference structure."""

PositiveOrRange = OrRange[Annotated[float, Field(gt=0, le=1e5)]]


TiltAngle = OrRange[Annotated[float, Field(ge=-90, le=90)]]


class TiltSettings(Settings):
    """The tilts of a series: equal steps from the lowest to the highest, some left out.

    Unless all three numbers are fixed, the last tilt is the highest that the steps reach.
    """

    min_deg: TiltAngle
    max_deg: TiltAngle
    step_deg: OrRange[Annotated[float, Field(ge=0.01, le=90)]]
    left_out_fraction: OrRange[Annotated[float, Field(ge=0, le=0.9)]]
    """Fraction of the tilts that are missing from the series, at random."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        bounds = (self.min_deg, self.max_deg, self.step_deg)
        drawn = any(isinstance(bound, list) for bound in bounds)
        lowest_max, highest_min, step = np.min(self.max_deg), np.max(self.min_deg), self.step_deg
        span = float(lowest_max - highest_min)
        if span <= 0:
            raise ValueError(f"max_deg: {lowest_max:g} is not above min_deg")
        if drawn and np.max(step) > span:
            raise ValueError(f"step_deg: {np.max(step):g} may pass max_deg, {lowest_max:g}")
        if not drawn:
            _check_reached(float(highest_min), float(lowest_max), float(np.max(step)))
        return self

    @property
    def angles_deg(self) -> NDArray[np.float64]:
        """All tilts (n,) at the middle of the ranges, those left out included."""
        bounds = (self.min_deg, self.max_deg, self.step_deg)
        return tilt_angles_deg(*(float(np.mean(bound)) for bound in bounds))

    @property
    def extremes_deg(self) -> tuple[float, float]:
        """The lowest and the highest tilt of any tomogram."""
        return float(np.min(self.min_deg)), float(np.max(self.max_deg))


def _check_reached(min_deg: float, max_deg: float, step_deg: float) -> None:
    """Raise ValueError if steps do not reach the highest tilt."""
    span = max_deg - min_deg
    steps = span / step_deg
    if round(steps) < 1 or abs(steps - round(steps)) > _OFF_STEP:
        before = math.floor(steps)
        last = min_deg + before * step_deg
        sizes = " or ".join(f"{span / n:.8g}" for n in (before + 1, before) if n)
        raise ValueError(
            f"step_deg: steps of {step_deg:g} from {min_deg:g} do not reach max_deg, "
            f"{max_deg:g}: the last tilt would be {last:g}; use steps of {sizes}, or "
            "another max_deg"
        )


def tilt_angles_deg(min_deg: float, max_deg: float, step_deg: float) -> NDArray[np.float64]:
    """Tilts (n,) in equal steps; the last is the highest, or the last step before it."""
    steps = (max_deg - min_deg) / step_deg
    if abs(steps - round(steps)) <= _OFF_STEP:
        return np.linspace(min_deg, max_deg, round(steps) + 1)
    return np.asarray(min_deg + step_deg * np.arange(math.floor(steps) + 1), dtype=np.float64)


class Optics(Settings):
    """Lens and electron beam."""

    voltage_kv: float = Field(ge=40, le=3000)
    cs_mm: float = Field(ge=0, le=10)
    defocus_um: OrRange[Annotated[float, Field(ge=-50, le=50)]]
    """Positive is underfocus."""
    defocus_sd_um: OrRange[Annotated[float, Field(ge=0, le=10)]]
    """Standard deviation of the defocus from tilt to tilt."""
    defocus_across_field: bool
    """True if the defocus varies across a tilted field, with the height of the ice."""
    amplitude_contrast: float = Field(ge=0, le=1)


class MTFTable(Settings):
    """A table of a detector's MTF and DQE."""

    file: str = Field(min_length=1)
    """CSV file."""
    binning: float = Field(ge=1, le=100)
    """Size of the pixels of the images, in physical pixels of the detector."""


class Detector(Settings):
    """Effects of the detector on an image."""

    mtf: Literal["sinc", "none"] | MTFTable
    """Modulation transfer function."""
    noise_before_ctf_fraction: float = Field(ge=0, le=1)
    """Fraction of the noise variance that enters before the CTF."""


class DoseSettings(Settings):
    """Exposure of the specimen, which damages it."""

    total_e_per_angstrom2: PositiveOrRange
    """Electrons per square angstrom of the whole series."""
    order: Literal["unidirectional", "bidirectional", "dose-symmetric"]
    """Acquisition order of the tilts."""
    exposure: Literal["equal", "inverse-cosine"]
    """Exposures of the tilts relative to each other."""


class IceNoiseSettings(Settings):
    """Noise that depends on the path through the slab `specimen.ice`."""

    mean_free_path_angstrom: float = Field(ge=100, le=1e5)
    """Inelastic mean free path of electrons in ice."""


class AlignmentErrors(Settings):
    """Alignment errors of the tilt series, which the reconstruction ignores."""

    shift_sd_angstrom: OrRange[Annotated[float, Field(ge=0, le=10_000)]]
    """Standard deviation of a tilt's shift in x and in y."""
    rotation_sd_deg: OrRange[Annotated[float, Field(ge=0, le=45)]]
    """Standard deviation of a tilt's rotation in its plane."""
    axis_rotation_deg: OrRange[Annotated[float, Field(ge=-45, le=45)]]
    """Rotation of all tilts in their plane."""


class MicroscopeSettings(Settings):
    """Acquisition and reconstruction of a tilt series."""

    device: Device
    half_precision: bool
    """Precision of tilt series and tomograms in files: half the size, values rounded to 11 bits."""
    tilt: TiltSettings
    optics: Optics
    detector: Detector
    dose: DoseSettings | None
    """Exposure; without it, no damage, and equal noise in all tilts."""
    ice: IceNoiseSettings | None
    """Noise by ice; without it, noise does not depend on the path through the ice."""
    alignment_errors: AlignmentErrors | None
    ctf_correction: OneOf[CTFCorrection]
    """Correction of the images before reconstruction; a list: each tomogram draws one."""
    defocus_error_um: OrRange[Annotated[float, Field(ge=0, le=10)]]
    """Standard deviation of the error of each tilt's defocus in the correction."""
    reconstruction: ReconstructionSettings
    half_tomograms: bool
    """True: also write the tomograms of even and of odd tilts."""
    finish: FinishSettings | None
    """Steps that follow the reconstruction."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        steepest = float(np.abs(self.tilt.extremes_deg).max())
        inverse = self.dose is not None and self.dose.exposure == "inverse-cosine"
        used = {"dose.exposure: inverse-cosine": inverse, **self._by_angle()}
        _check_steepness("tilt", steepest, used)
        if self.dose is None and np.any(self.reconstruction.dose_weighting):
            raise ValueError("reconstruction.dose_weighting: needs dose; set it, or use false")
        return self

    def _by_angle(self) -> dict[str, bool]:
        """Keys of options whose effect grows with the angle of the beam to the ice: True if on."""
        return {
            "optics.defocus_across_field": self.optics.defocus_across_field,
            "ice": self.ice is not None,
        }

    def check_specimen(self, specimen: SpecimenSettings) -> None:
        """Raise ValueError where there is no ice for `ice`, or a beam is too oblique to it."""
        if specimen.ice is None:
            if self.ice is not None:
                raise ValueError(
                    "microscope.ice: needs the slab of ice; give specimen.ice (thicker than the "
                    "region, it limits nothing), or set microscope.ice to null"
                )
            return
        about_x, about_y = (
            np.atleast_1d(angle)
            for angle in (specimen.ice.tilt_about_x_deg, specimen.ice.tilt_about_y_deg)
        )
        tilts = np.array(self.tilt.extremes_deg)
        largest = np.abs(np.add.outer(about_y, tilts)).max()
        cosine = np.cos(np.deg2rad(np.abs(about_x).max())) * np.cos(np.deg2rad(largest))
        steepest = float(np.rad2deg(np.arccos(cosine)))
        _check_steepness("the beam's angle to specimen.ice", steepest, self._by_angle())


def _check_steepness(what: str, steepest_deg: float, used: dict[str, bool]) -> None:
    """Raise ValueError if an option is used whose effect is unbounded towards 90 degrees."""
    for key, is_used in used.items():
        if is_used and steepest_deg > _STEEPEST_DEG:
            raise ValueError(
                f"{what}: {steepest_deg:.4g} degrees are too steep for microscope.{key}, whose "
                f"effect grows without bound towards 90; stay within {_STEEPEST_DEG:g}"
            )


def _not_taken(name: str) -> str:
    """Raise ValueError if other files have this name; some systems ignore case."""
    if name.casefold() in TAKEN_NAMES:
        raise ValueError(f"'{name}' is the name of another file of a tomogram; choose another")
    return name


class DatasetSettings(Settings):
    """One dataset: the same specimens at one SNR."""

    name: Annotated[
        str,
        AfterValidator(_not_taken),
        Field(
            pattern="^[A-Za-z0-9]{1,16}$",
            description="Name of up to 16 letters and digits, which also names files",
        ),
    ]
    snr: OrRange[Annotated[float, Field(gt=0, le=1000)]]
    """SNR; from a range, each tomogram draws its own, with a uniform logarithm."""

    @property
    def label_snr(self) -> float:
        """SNR in tables: of a range, its geometric mean."""
        return float(np.exp(np.mean(np.log(self.snr)))) if isinstance(self.snr, list) else self.snr


class ReferenceSettings(Settings):
    """Reference particles on which the SNR is measured."""

    reference_id: PdbId | Literal["any", "band"]
    """Reference structure (PDB ID); or any: variances in the particles of all structures; or band:
    power of macromolecules from 80 to 250 A."""
    region: Literal["cube", "particle"]
    """Region of the reference particles in which the SNR is measured."""
    max_particles: int = Field(ge=2, le=10_000)
    """Largest number of reference particles."""


class SNRSettings(ReferenceSettings):
    """The datasets, and the particles on which their SNR is measured."""

    datasets: list[DatasetSettings] = Field(min_length=1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        seen: dict[str, str] = {}
        for place, name in enumerate(dataset.name for dataset in self.datasets):
            other = seen.setdefault(name.casefold(), name)
            if len(seen) <= place:
                raise ValueError(
                    f"datasets.{place}.name: '{name}' and '{other}' name the same files where case "
                    "does not count"
                )
        return self

    @property
    def snr_of(self) -> dict[str, float]:
        """The SNR of each dataset, by name; of a range, its geometric mean."""
        return {dataset.name: dataset.label_snr for dataset in self.datasets}
