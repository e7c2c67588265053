"""Targets that no search can find: too small for the data, or too similar to another target."""

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from ssn3d.averaging.superpose import superpose
from ssn3d.core.errors import ConfigError, DataError
from ssn3d.core.log import logger
from ssn3d.find.candidates import diameter_angstrom
from ssn3d.structures.maps import density_map
from ssn3d.structures.structure import Structure
from ssn3d.structures.surrogates import PROTEIN_ANGSTROM3_PER_DALTON

HOPELESS = 3.0
"""Height of a particle's peak in noise, in standard deviations, that noise alone often reaches
among the many places of a tomogram."""
TWINS = 0.95
"""Correlation of two maps above which noise of any strength hides their difference."""
_FEWEST_VOXELS = 3.0
"""Diameter of the narrowest blobs that difference of Gaussians finds."""
NEARLY_TWINS, _RESOLUTION_OF_TWINS_ANGSTROM = 0.9, 20.0
"""Correlation of two maps above which one molecule, such as a ribosome, is of another species; and
their resolution, whatever that of the tomograms is: at 60 A, GroEL is like half a ribosome."""
_MOST_DIFFERENT_EXTENT = 1.15
"""Ratio of radii of gyration above which maps are not compared: they correlate less than that."""
_MOST_DIFFERENT_VOXELS = 1.5
_BOX_VOXELS = 24
_MARGIN_RESOLUTIONS = 3.0
_HIGHEST_SHELL = 8
"""Orientations are found by coarse detail, which bounds memory."""


def peak_height(mass_dalton: float, snr: float, voxel_size_angstrom: float) -> float:
    """Height of a particle's peak behind a matched filter, in standard deviations of the noise.

    The SNR is that of a voxel; noise of all voxels is taken to be independent.
    """
    voxels = mass_dalton * PROTEIN_ANGSTROM3_PER_DALTON / voxel_size_angstrom**3
    return float(np.sqrt(voxels * snr))


def check_voxel_sizes(sizes_angstrom: Mapping[str, float]) -> None:
    """Raise DataError if tomograms, by name, differ too much for one simulation."""
    by_size = sorted(sizes_angstrom, key=lambda name: sizes_angstrom[name])
    fine, coarse = by_size[0], by_size[-1]
    smallest, largest = sizes_angstrom[fine], sizes_angstrom[coarse]
    if largest > _MOST_DIFFERENT_VOXELS * smallest:
        raise DataError(
            f"find.tomograms: {fine} has voxels of {smallest:.4g} A, {coarse} of {largest:.4g} A; "
            "search tomograms of such different sizes in separate runs, each with its own table"
        )


def check_sizes(masses_dalton: Mapping[str, float], snr: float | None, voxel: float) -> None:
    """Raise ConfigError if targets, by ID, are too small for voxels or noise.

    The SNR is the highest that the tomograms may have, None if it is unknown; voxels are in A.
    """
    for target, mass in masses_dalton.items():
        remedy = f"remove {target} from find.targets"
        if diameter_angstrom(mass) < _FEWEST_VOXELS * voxel:
            raise ConfigError(
                f"config: find.targets: {target} ({mass / 1000:.0f} kDa, about "
                f"{diameter_angstrom(mass):.0f} A wide) is too small for voxels of "
                f"{voxel:.4g} A; {remedy}, or reconstruct the tomograms in finer voxels"
            )
        if snr is not None and (height := peak_height(mass, snr, voxel)) < HOPELESS:
            raise ConfigError(
                f"config: find.targets: {target} ({mass / 1000:.0f} kDa) would be at most "
                f"{height:.1f} standard deviations above the noise of these tomograms (SNR at most "
                f"{snr:.2g}), as noise itself often is; {remedy}"
            )


def check_twins(structures: Sequence[Structure], resolution_angstrom: float) -> None:
    """Raise ConfigError if two targets cannot be told apart at a resolution."""
    sized = [(_extent_angstrom(structure), structure) for structure in structures]
    for (extent, one), (others, other) in combinations(sized, 2):
        if _are_near(extent, others):
            alike = correlation(one, other, resolution_angstrom)
            if alike > TWINS:
                raise ConfigError(
                    f"config: find.targets: {one.pdb_id} and {other.pdb_id} cannot be told apart "
                    f"at {resolution_angstrom:g} A (their maps correlate by {alike:.3f}); keep one "
                    "of them"
                )


def twins_of(targets: Sequence[Structure], others: Sequence[Structure]) -> list[str]:
    """List the other structures that are nearly a target, and log the likeness.

    Where they are simulated, a target's map fits them, and what is found would be called wrong.
    """
    sized = [(_extent_angstrom(target), target) for target in targets]
    twins = []
    for other in others:
        extent = _extent_angstrom(other)
        for target in (one for theirs, one in sized if _are_near(extent, theirs)):
            alike = correlation(target, other, _RESOLUTION_OF_TWINS_ANGSTROM)
            if alike > NEARLY_TWINS:
                logger.info(
                    "%s is not simulated: its map correlates with that of the target %s by %.2f",
                    *(other.pdb_id, target.pdb_id, alike),
                )
                twins.append(other.pdb_id)
                break
    return twins


def _extent_angstrom(structure: Structure) -> float:
    """Radius of gyration."""
    squared = (structure.points_angstrom**2).sum(axis=1)  # from the centre of mass
    return float(np.sqrt(np.average(squared, weights=structure.masses_dalton)))


def _are_near(one: float, other: float) -> bool:
    """Return True if structures of two extents may be alike."""
    return max(one, other) <= _MOST_DIFFERENT_EXTENT * min(one, other)


def correlation(one: Structure, other: Structure, resolution_angstrom: float) -> float:
    """Highest correlation coefficient of two maps in any orientation."""
    both = (one, other)
    extent = max(float(np.linalg.norm(s.points_angstrom, axis=1).max()) for s in both)
    half_box = extent + _MARGIN_RESOLUTIONS * resolution_angstrom
    voxel = min(resolution_angstrom / 2, 2 * half_box / _BOX_VOXELS)
    size = 2 * int(np.ceil(half_box / voxel))
    maps = [
        density_map(s.points_angstrom, s.masses_dalton, voxel, resolution_angstrom, size)
        for s in both
    ]
    highest = min(_HIGHEST_SHELL, int(size * voxel / resolution_angstrom))
    poses = superpose(maps[0], maps[1], highest, 2.0, np.random.default_rng(0))
    turned = other.points_angstrom @ poses.rotations[0].T + poses.shifts[0] * voxel
    posed = density_map(
        turned.astype(np.float32), other.masses_dalton, voxel, resolution_angstrom, size
    )
    return float(np.corrcoef(maps[0].ravel(), posed.ravel())[0, 1])
