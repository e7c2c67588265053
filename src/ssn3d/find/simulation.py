"""Measurement of the tomograms, and settings of simulated tomograms like them, on files."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ssn3d.core.classes import CLASSES, are_class_labels
from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.find.checks import check_sizes, check_twins, check_voxel_sizes, twins_of
from ssn3d.find.crowding import CROWDING, macromolecules_per_um3
from ssn3d.find.like_them import (
    RESOLUTION,
    Section,
    microscope_like,
    resolution_like,
    snr_like,
    specimen_like,
)
from ssn3d.find.snr import band_snr, signal_and_noise
from ssn3d.io.files import PathLike, read_json, write_json
from ssn3d.io.volumes import open_volume
from ssn3d.measure.steps import measure_opened
from ssn3d.microscope.settings import MicroscopeSettings, Optics
from ssn3d.recovery.sample import open_sample
from ssn3d.recovery.samples_table import Sample
from ssn3d.specimen.settings import SpecimenSettings
from ssn3d.structures.structure import read_structure

_KEYS = (
    "voxel_size_angstrom",
    "data_fraction",
    "vacuum_fraction",
    "tilts_seen_deg",
    "slab",
    "gold",
    "thon_rings",
    "low_pass_angstrom",
    "eight_bits",
    "looks_denoised",
)
_LEAST_SPECIMEN = 0.01
_TILTS_DIFFER_DEG = 8.0


def measure_sample(
    sample: Sample,
    segmentation: tuple[PathLike, PathLike],
    folder: PathLike,
    optics: Mapping[str, Any],
) -> None:
    """Write the files of `measure_tomogram`, and macromolecules.json: what a network saw of these.

    This is `find.snr.signal_and_noise`, and how crowded the tomogram is. The segmentation consists
    of volumes of the probability of macromolecule and of labels; `optics` is the section
    `microscope.optics`.
    """
    tomogram, tilts = open_sample(sample), sample.tilt_range_deg
    lens = Optics.model_validate(optics)
    found = measure_opened(tomogram, folder, optics=lens, tilt_range_deg=tilts)
    probability, labels = map(open_volume, segmentation)
    crowding = macromolecules_per_um3(
        probability,
        tomogram.grid.voxel_size_angstrom,
        _specimen_fraction(found.data_fraction, found.vacuum_fraction),
    )
    signal = signal_and_noise(tomogram, labels, found)
    write_json(Path(folder) / "macromolecules.json", {"signal": signal, CROWDING: crowding})


def _specimen_fraction(data_fraction: float, vacuum_fraction: float | None) -> float:
    """Share of the voxels of a volume that are neither vacuum nor padding."""
    return max(data_fraction * (1 - (vacuum_fraction or 0.0)), _LEAST_SPECIMEN)


def write_simulation(
    measurements: Mapping[str, Sequence[PathLike]],
    tilts_deg: Sequence[tuple[float, float]],
    structures: tuple[Sequence[PathLike], Sequence[PathLike]],
    sections: Mapping[str, Mapping[str, Any]],
    path: PathLike,
) -> None:
    """Write the settings of simulated tomograms like those measured, as JSON.

    Args:
        measurements: measurements.json, macromolecules.json and labels of the voxels of each
            tomogram, by its name.
        tilts_deg: lowest and highest tilt of each.
        structures: files of the targets, and of other molecules among them.
        sections: sections `specimen` and `microscope` of the configuration.
        path: output, with these sections, `snr`, a range, or null if it is not known, the
            resolution at which candidates are compared with maps, and `twins`: the molecules that
            are not simulated, since they are nearly targets themselves.

    Raises:
        DataError: the voxel sizes of tomograms differ too much, or a file is damaged.
        ConfigError: a target is too small, or cannot be told from another.
    """
    labels = [files[2] for files in measurements.values()]
    seen = [read_json(files[1], "signal", CROWDING) for files in measurements.values()]
    measured = [
        read_json(files[0], *_KEYS) | {CROWDING: one[CROWDING]}
        for files, one in zip(measurements.values(), seen, strict=True)
    ]
    sizes = [one["voxel_size_angstrom"] for one in measured]
    check_voxel_sizes(dict(zip(measurements, sizes, strict=True)))
    for name, one, given in zip(measurements, measured, tilts_deg, strict=True):
        tilts = one["tilts_seen_deg"]
        if tilts is not None and np.abs(np.subtract(tilts, given)).max() > _TILTS_DIFFER_DEG:
            logger.warning(
                "%s: its spectrum shows tilts from %.0f to %.0f, not from %.0f to %.0f; correct "
                "tilt_min_deg and tilt_max_deg in find.tomograms if these are wrong",
                *(name, *tilts, *given),
            )
        if one["looks_denoised"]:
            logger.warning(
                "%s looks denoised, as no simulated tomogram is; search it before denoising", name
            )
    targets, others = ([read_structure(file) for file in files] for files in structures)
    masses = {target.pdb_id: target.mass_dalton for target in targets}
    specimen = _without_targets_in_membranes(
        specimen_like(measured, sections["specimen"], highest_shares(labels, measured)),
        min(masses.values()),
    )
    microscope = microscope_like(measured, tilts_deg, sections["microscope"])
    snr = snr_like([band_snr(one["signal"], specimen["voxel_size_angstrom"]) for one in seen])
    try:
        checked = SpecimenSettings.model_validate(specimen)
        MicroscopeSettings.model_validate(microscope).check_specimen(checked)
    except ValueError as error:
        problem = " ".join(str(error).split())
        raise DataError(
            f"{path}: no valid simulation follows from the measurements ({problem}); "
            "give other values in `specimen` and `microscope`"
        ) from error
    check_sizes(masses, None if snr is None else snr[1], checked.voxel_size_angstrom)
    check_twins(targets, float(np.min(checked.resolution_angstrom)))
    twins = twins_of(targets, others)
    found = {"specimen": specimen, "microscope": microscope, "snr": snr, "twins": twins}
    write_json(path, found | {RESOLUTION: resolution_like(specimen, microscope)})
    words = "as configured (not seen)" if snr is None else f"{snr[0]:.2g} to {snr[1]:.2g}"
    logger.info("%s: voxels of %.4g A, SNR %s", path, checked.voxel_size_angstrom, words)


def highest_shares(
    labels: Sequence[PathLike], measured: Sequence[Mapping[str, Any]]
) -> dict[str, float]:
    """Highest share of the specimen's voxels of each class in volumes of labels.

    Vacuum and padding, of which the measurements have the shares, are no specimen. The share is 1
    where a network knows macromolecules alone: whatever else is there, it would not see.
    """
    shares = []
    for path, one in zip(labels, measured, strict=True):
        volume = open_volume(path)
        if not are_class_labels(volume.labels):
            return dict.fromkeys(CLASSES, 1.0)
        counts = np.zeros(len(CLASSES))
        for z in range(volume.shape[0]):
            section = volume.read(slice(z, z + 1)).astype(np.int64).ravel()
            counts += np.bincount(section, minlength=len(CLASSES))
        specimen = _specimen_fraction(one["data_fraction"], one["vacuum_fraction"])
        shares.append(counts / counts.sum() / specimen)
    highest = np.max(shares, axis=0).clip(0, 1).tolist()
    return dict(zip(CLASSES, highest, strict=True))


def _without_targets_in_membranes(specimen: Section, lightest_dalton: float) -> Section:
    """Leave proteins in membranes out if targets would be among them, which no truth would list."""
    proteins = specimen["membrane_proteins"]
    if proteins is not None and lightest_dalton <= proteins["largest_dalton"]:
        return specimen | {"membrane_proteins": None}
    return specimen
