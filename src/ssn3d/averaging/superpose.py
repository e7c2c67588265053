"""Orientation of a map relative to another, or to the axes of its symmetry."""

import numpy as np
from numpy.typing import NDArray

from ssn3d.averaging.align import Aligner, Poses
from ssn3d.averaging.band import ALL_TILTS_DEG, Reference, make_band
from ssn3d.averaging.rotation_grid import even_rotations, nearby_rotations

_STEPS = [(8.0, 0.5), (4.0, 0.5), (2.0, 0.25), (1.0, 0.125), (0.5, 0.125)]
_SHIFT_STEP_VOXELS = 1.0
_GRID_DEG, _AXES_GRID_DEG = 15.0, 12.0
_AXES_STEPS_DEG = (6.0, 3.0, 1.5, 0.8, 0.4)
_BATCH = 512


def superpose(
    volume: NDArray[np.float32],
    onto: NDArray[np.float32],
    highest: int,
    max_shift_voxels: float,
    rng: np.random.Generator,
) -> Poses:
    """Find the pose of a map (s, s, s) relative to another.

    Both are 0 towards their edges; frequencies up to the shell `highest` are compared.
    """
    centres = np.zeros((1, 3))
    aligner = Aligner(
        *(volume[None], highest, ALL_TILTS_DEG),
        centres=centres, max_shift_voxels=max_shift_voxels, threads=1,
    )  # fmt: skip
    reference = Reference(onto)
    start = aligner.everywhere(reference, even_rotations(_GRID_DEG, rng), _SHIFT_STEP_VOXELS)
    return aligner.nearby(reference, start, _STEPS)


def symmetry_score(
    volume: NDArray[np.float32],
    symmetry: NDArray[np.float64],
    rotations: NDArray[np.float64],
    highest: int,
) -> NDArray[np.float64]:
    """Scores (n,) of the symmetry of a map (s, s, s) turned back by each rotation (n, 3, 3).

    From 0 to 1: the fraction of the power that remains when the map is averaged over the group
    (m, 3, 3), as the mean over the shells up to `highest`.
    """
    reference = Reference(volume)
    band = make_band(len(volume), highest, ALL_TILTS_DEG)
    of_shell = (band.shells[:, None] == np.arange(1, highest + 1)).astype(np.float32)
    scores = []
    for low in range(0, len(rotations), _BATCH):
        turned = rotations[low : low + _BATCH, None] @ symmetry  # (b, m, 3, 3)
        inverse = np.swapaxes(turned.reshape(-1, 3, 3), 1, 2)
        spectra = reference.sample(inverse, band).reshape(*turned.shape[:2], -1)
        left = np.abs(spectra.mean(axis=1)) ** 2 @ of_shell
        power = (np.abs(spectra) ** 2).mean(axis=1) @ of_shell
        scores.append((left / np.maximum(power, 1e-30)).mean(axis=1))
    return np.concatenate(scores).astype(np.float64)


def symmetry_axes(
    volume: NDArray[np.float32],
    symmetry: NDArray[np.float64],
    highest: int,
    rng: np.random.Generator,
) -> NDArray[np.float64]:
    """Find the rotation (3, 3) from the axes of a group (m, 3, 3) to those of a map (s, s, s).

    Shells up to `highest` are compared.
    """
    if len(symmetry) == 1:
        return np.eye(3)
    candidates = even_rotations(_AXES_GRID_DEG, rng)
    for step_deg in _AXES_STEPS_DEG:
        best = candidates[symmetry_score(volume, symmetry, candidates, highest).argmax()]
        candidates = best @ nearby_rotations(step_deg)
    return np.asarray(candidates[symmetry_score(volume, symmetry, candidates, highest).argmax()])
