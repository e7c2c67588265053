"""The sections `microscope` and `snr` of the configuration."""

import math
from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import AfterValidator, Field, model_validator

from ssn3d.settings import Device, PdbId, Settings

_OFF_STEP = 1e-3
"""Largest distance of the last tilt from the highest, in steps: 1/3 degree is never exact."""
TAKEN_NAMES = frozenset(
    {"density", "ground", "labels", "particles", "selection", "signal", "specimen", "tilts"}
)
"""Names of other files in the folder of a dataset's files."""


class TiltSettings(Settings):
    """The tilts of a series: equal steps from the lowest to the highest."""

    min_deg: float = Field(ge=-90, le=90)
    max_deg: float = Field(ge=-90, le=90)
    step_deg: float = Field(ge=0.01, le=90)

    @model_validator(mode="after")
    def _check(self) -> Self:
        span = self.max_deg - self.min_deg
        if span <= 0:
            raise ValueError(f"max_deg: {self.max_deg:g} is not above min_deg")
        steps = span / self.step_deg
        if abs(steps - round(steps)) > _OFF_STEP:
            before = math.floor(steps)
            last = self.min_deg + before * self.step_deg
            sizes = " or ".join(f"{span / n:.8g}" for n in (before + 1, before) if n)
            raise ValueError(
                f"step_deg: steps of {self.step_deg:g} from {self.min_deg:g} do not reach max_deg, "
                f"{self.max_deg:g}: the last tilt would be {last:g}; use steps of {sizes}, or "
                "another max_deg"
            )
        return self

    @property
    def angles_deg(self) -> NDArray[np.float64]:
        """All tilts (n,), the lowest and the highest included."""
        steps = round((self.max_deg - self.min_deg) / self.step_deg)
        return np.linspace(self.min_deg, self.max_deg, steps + 1)


class Optics(Settings):
    """Lens and electron beam."""

    voltage_kv: float = Field(ge=40, le=3000)
    cs_mm: float = Field(ge=0, le=10)
    defocus_um: float = Field(ge=-50, le=50)
    """Positive is underfocus."""
    amplitude_contrast: float = Field(ge=0, le=1)


class Detector(Settings):
    """Effects of the detector on an image."""

    mtf: Literal["sinc", "none"]
    """Modulation transfer."""
    noise_before_ctf_fraction: float = Field(ge=0, le=1)
    """Of the noise's variance."""


class MicroscopeSettings(Settings):
    """How a tilt series is taken."""

    device: Device
    tilt: TiltSettings
    optics: Optics
    detector: Detector


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
    snr: float = Field(gt=0, le=1000)


class ReferenceSettings(Settings):
    """The particles on which the SNR is measured."""

    reference_id: PdbId
    region: Literal["cube", "particle"]
    """Of the reference's subtomograms."""
    max_particles: int = Field(ge=2, le=10_000)
    """Of the reference."""


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
        """The SNR of each dataset, by name."""
        return {dataset.name: dataset.snr for dataset in self.datasets}
