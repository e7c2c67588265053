"""Acquisition of one tomogram's tilt series: numbers that the settings leave to chance.

Each number has its own random stream, so that turning an option on or off changes no other.
"""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.errors import DataError
from ssn3d.core.provenance import provenance
from ssn3d.core.ranges import choose, draw
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.microscope.alignment import Alignment
from ssn3d.microscope.defocus_gradient import beam_cosines, defocus_slopes
from ssn3d.microscope.detector_table import DetectorTable, read_detector_table
from ssn3d.microscope.dose import exposures
from ssn3d.microscope.settings import MicroscopeSettings, MTFTable, tilt_angles_deg
from ssn3d.microscope.shot_noise import noise_variances
from ssn3d.specimen.ice import slab_normal

Number = Callable[[str, float | list[float]], float]
"""A function that draws and records the number of a key."""


@dataclasses.dataclass(frozen=True)
class Tilts:
    """The tilts of a series, from the lowest to the highest: arrays (tilts,)."""

    angle_deg: NDArray[np.float64]
    dose_before_e_per_angstrom2: NDArray[np.float64]
    """Exposure of the specimen before the image; 0 if there is no damage."""
    dose_e_per_angstrom2: NDArray[np.float64]
    """Exposure of the image itself; 0 if there is no damage."""
    defocus_um: NDArray[np.float64]
    """Defocus at the tilt axis."""
    corrected_defocus_um: NDArray[np.float64]
    """Defocus at the tilt axis for which the CTF is corrected, if it is."""
    defocus_slopes: NDArray[np.float64]
    """(tilts, 2) change of defocus per distance along y and x; 0 unless switched on."""
    noise_variance_before_ctf: NDArray[np.float64]
    noise_variance_after_ctf: NDArray[np.float64]
    """Variances relative to an image with the beam normal to the ice; see `shot_noise`."""

    def __getitem__(self, kept: NDArray[np.int_]) -> "Tilts":
        return Tilts(**{name: values[kept] for name, values in vars(self).items()})


@dataclasses.dataclass(frozen=True)
class Acquisition:
    """Acquisition of one tilt series."""

    tilts: Tilts
    alignment: Alignment
    detector_table: DetectorTable | None
    numbers: dict[str, float]
    """Values, in this tomogram, of settings that may be ranges, and of the ice."""
    choices: dict[str, str | bool]
    """Options, in this tomogram, of settings that may be lists."""


def sample_acquisition(
    settings: MicroscopeSettings,
    seed: int,
    tomogram: str,
    detector_table: PathLike | None = None,
    ice: Mapping[str, float] | None = None,
) -> Acquisition:
    """Draw the acquisition of one tomogram's tilt series.

    The file of `detector.mtf` may be elsewhere than at the path in the settings. `ice` is the slab,
    by the keys `ice.thickness_angstrom`, `ice.tilt_about_x_deg` and `ice.tilt_about_y_deg`; without
    it the specimen is level.

    Raises DataError if the detector table is invalid, or ice is required and missing.
    """
    numbers = dict(ice or {})

    def rng(key: str) -> np.random.Generator:
        return generator(seed, "microscope", tomogram, key)

    def number(key: str, value: float | list[float]) -> float:
        numbers[key] = draw(value, rng(key))
        return numbers[key]

    tilt, optics = settings.tilt, settings.optics
    bounds = [number(f"tilt.{k}", getattr(tilt, k)) for k in ("min_deg", "max_deg", "step_deg")]
    angles = tilt_angles_deg(*bounds)
    left_out = number("tilt.left_out_fraction", tilt.left_out_fraction)
    left = max(len(angles) - round(left_out * len(angles)), 2)
    kept = np.sort(rng("left_out").permutation(len(angles))[:left])
    defocus = number("optics.defocus_um", optics.defocus_um)
    spread = number("optics.defocus_sd_um", optics.defocus_sd_um)
    defocus_um = defocus + spread * rng("defocus").standard_normal(len(angles))
    error = number("defocus_error_um", settings.defocus_error_um)
    corrected_um = defocus_um + error * rng("defocus_error").standard_normal(len(angles))
    before, during = np.zeros((2, len(angles)))
    if (dose := settings.dose) is not None:
        total = number("dose.total_e_per_angstrom2", dose.total_e_per_angstrom2)
        before, during = exposures(angles, dose, total)
    electrons = during if dose else np.ones(len(angles))
    slopes, *variances = _seen_through_ice(settings, angles, ice or {}, electrons)
    alignment = _alignment(settings, len(angles), number, rng("alignment"))
    choices = _processing(settings, number, rng)
    table = None
    if isinstance(mtf := settings.detector.mtf, MTFTable):
        table = read_detector_table(detector_table or mtf.file, mtf.binning)
    tilts = Tilts(angles, before, during, defocus_um, corrected_um, slopes, *variances)
    return Acquisition(tilts[kept], alignment[kept], table, numbers, choices)


def _alignment(
    settings: MicroscopeSettings, tilts: int, number: Number, rng: np.random.Generator
) -> Alignment:
    """Draw the alignment of a series."""
    if (errors := settings.alignment_errors) is None:
        return Alignment.exact(tilts)
    sizes = {k: number(f"alignment_errors.{k}", v) for k, v in errors.model_dump().items()}
    return Alignment.drawn(tilts, rng, **sizes)


def _processing(
    settings: MicroscopeSettings,
    number: Number,
    rng: Callable[[str], np.random.Generator],
) -> dict[str, str | bool]:
    """Draw and record the numbers of the reconstruction, and return its options, by key."""
    made = settings.reconstruction
    for key in ("soft_cutoff_cycles_per_pixel", "soft_falloff_cycles_per_pixel", "sirt_iterations"):
        number(f"reconstruction.{key}", getattr(made, key))
    kind, weighting = "reconstruction.filter", "reconstruction.dose_weighting"
    return {
        "ctf_correction": choose(settings.ctf_correction, rng("ctf_correction")),
        kind: choose(made.filter, rng(kind)),
        weighting: choose(made.dose_weighting, rng(weighting)),
    }


def _seen_through_ice(
    settings: MicroscopeSettings,
    angles: NDArray[np.float64],
    ice: Mapping[str, float],
    electrons: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Slopes of the defocus (tilts, 2), and variances of the noise before and after the CTF."""
    paths = 0.0
    normal = slab_normal(*(ice.get(f"ice.tilt_about_{axis}_deg", 0.0) for axis in "xy"))
    cosines, slopes = np.ones(len(angles)), np.zeros((len(angles), 2))
    if settings.ice is not None:
        if not ice:
            raise DataError("microscope.ice: the specimen has no ice; give specimen.ice")
        paths = ice["ice.thickness_angstrom"] / settings.ice.mean_free_path_angstrom
        cosines = beam_cosines(angles, normal)
    if settings.optics.defocus_across_field:
        slopes = defocus_slopes(angles, normal)
    return slopes, *noise_variances(cosines, electrons, paths)


def write_acquisition(
    path: PathLike, acquisition: Acquisition, settings: MicroscopeSettings, seed: int
) -> None:
    """Write a JSON file with the fields of an acquisition, and its provenance."""
    made = provenance(seed=seed, settings=settings.model_dump())
    content = {key: _listed(value) for key, value in dataclasses.asdict(acquisition).items()}
    write_json(path, {**content, "provenance": made})


def _listed(value: Any) -> Any:
    """Convert arrays to lists, also in dictionaries."""
    if isinstance(value, dict):
        return {key: _listed(inner) for key, inner in value.items()}
    return value.tolist() if isinstance(value, np.ndarray) else value


def read_acquisition(path: PathLike) -> Acquisition:
    """Read an acquisition written by `write_acquisition`.

    Raises DataError if the file is missing or damaged.
    """
    content = read_json(path, "tilts", "alignment", "detector_table", "numbers", "choices")
    try:
        series = Tilts(**_arrays(content["tilts"]))
        alignment = Alignment(**_arrays(content["alignment"]))
        table = content["detector_table"] and DetectorTable(**_arrays(content["detector_table"]))
        lengths = {len(a) for part in (series, alignment) for a in vars(part).values()}
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{path}: damaged ({error}); delete it and rerun") from error
    if len(lengths) != 1:
        raise DataError(f"{path}: damaged (tables of different lengths); delete it and rerun")
    return Acquisition(series, alignment, table, content["numbers"], content["choices"])


def _arrays(lists: dict[str, Any]) -> dict[str, NDArray[np.float64]]:
    return {key: np.array(values, dtype=np.float64) for key, values in lists.items()}
