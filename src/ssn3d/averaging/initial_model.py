"""First reference, made from the particles alone.

It starts as their average at random orientations. All particles are then aligned to the last
average repeatedly, at rising resolution and with a newly turned grid of orientations. The
handedness of the map is that of the particles, since tilt angles and missing wedge determine it;
its orientation is arbitrary. Its centre is the mean position of the particles.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ssn3d.averaging.align import Aligner, Poses
from ssn3d.averaging.average import rotate_to_reference, shorten, sum_up
from ssn3d.averaging.band import Reference
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.refine import Stack
from ssn3d.averaging.rotation_grid import even_rotations
from ssn3d.averaging.superpose import symmetry_axes
from ssn3d.core.log import progress

_MOST_PARTICLES = 100
_TURNS, _LATE_TURNS = 12, 5
_GRID_DEG, _LATE_STEPS = 20.0, [(10.0, 0.25), (5.0, 0.25)]
_LEAST_SHELL = 3
_MARGIN_SHELLS = 2
_AXES_SHELL = 6  # suffices to find the axes of a group
_WITHOUT_SYMMETRY = np.eye(3)[None]


def initial_model(stack: Stack, rng: np.random.Generator) -> NDArray[np.float32]:
    """Make a reference (s, s, s) from at most 100 particles, up to the stack's first shell."""
    rows = np.sort(rng.permutation(len(stack.images))[:_MOST_PARTICLES])
    full = stack.images.shape[-1]
    size = min(2 * (stack.first_shell + _MARGIN_SHELLS), full)  # smaller boxes, for speed
    scale = full / size
    images, masked = (
        np.stack([shorten(image, size) for image in kind[rows]])
        for kind in (stack.images, stack.masked)
    )
    sphere = shorten(stack.sphere, size)
    centres = stack.centres[rows] / scale
    limits: dict[str, Any] = {
        "centres": centres,
        "max_shift_voxels": stack.max_shift_voxels / scale,
        "threads": stack.threads,
    }
    poses = Poses(Rotation.random(len(rows), rng=rng).as_matrix(), centres, np.zeros(len(rows)))
    lowest = min(max(_LEAST_SHELL, stack.first_shell // 2), stack.first_shell)
    shells = np.rint(np.linspace(lowest, stack.first_shell, _TURNS)).astype(int)
    volume = _mean(stack, images, poses)
    for turn, highest in enumerate(progress(shells.tolist(), "first reference")):
        aligner = Aligner(masked, highest, stack.tilt_range_deg, **limits)
        reference = Reference(cut_out(volume, sphere))
        poses = aligner.everywhere(
            reference, even_rotations(_GRID_DEG, rng), stack.step_voxels / scale
        )
        if turn >= _TURNS - _LATE_TURNS:
            poses = aligner.nearby(reference, poses, _LATE_STEPS)
        poses = _centred(poses, centres)
        volume = _mean(stack, images, poses)
    large = Poses(poses.rotations, poses.shifts * scale, poses.scores)
    found = _mean(stack, stack.images[rows], large)
    masked_map = cut_out(found, stack.sphere)
    axes = symmetry_axes(masked_map, stack.symmetry, min(stack.first_shell, _AXES_SHELL), rng)
    return rotate_to_reference(masked_map, axes)


def _centred(poses: Poses, centres: NDArray[np.float64]) -> Poses:
    """Shift the reference so that its centre is at the particles' mean centre (n, 3)."""
    off = np.einsum("nji,nj->ni", poses.rotations, poses.shifts - centres).mean(axis=0)
    return Poses(poses.rotations, poses.shifts - poses.rotations @ off, poses.scores)


def _mean(stack: Stack, images: NDArray[np.float32], poses: Poses) -> NDArray[np.float32]:
    sums = sum_up(images, poses, _WITHOUT_SYMMETRY, stack.tilt_range_deg, stack.threads)
    return sums.average()
