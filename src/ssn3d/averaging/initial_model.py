"""A first reference from the particles alone.

It starts from their average at random orientations, a blurred ball with some noise, and aligns all
particles to the last average again and again, at rising resolution and with a grid of orientations
turned anew each time. The map that comes out has the hand of the particles, since the missing
wedge and the tilt angles fix it, but any orientation. Its middle is where the particles are on
average.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ssn3d.averaging.align import Aligner, Limit, Poses
from ssn3d.averaging.average import average, rotate_to_reference, shorten
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
    """Give a reference (s, s, s) made of at most 100 particles, up to the stack's first shell."""
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
    within = Limit(centres, stack.max_shift_voxels / scale)
    poses = Poses(Rotation.random(len(rows), rng=rng).as_matrix(), centres, np.zeros(len(rows)))
    lowest = min(max(_LEAST_SHELL, stack.first_shell // 2), stack.first_shell)
    shells = np.rint(np.linspace(lowest, stack.first_shell, _TURNS)).astype(int)
    volume = _mean(stack, images, poses)
    for turn, highest in enumerate(progress(shells.tolist(), "first reference")):
        aligner = Aligner(masked, highest, stack.tilt_range_deg, within, stack.threads)
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
    seen = cut_out(found, stack.sphere)
    axes = symmetry_axes(seen, stack.symmetry, min(stack.first_shell, _AXES_SHELL), rng)
    return rotate_to_reference(seen, axes)


def _centred(poses: Poses, centres: NDArray[np.float64]) -> Poses:
    """Shift the reference so that particles are, in its frame, on average at their centres (n, 3).

    Nothing else says where the middle of a reference made of them is.
    """
    off = np.einsum("nji,nj->ni", poses.rotations, poses.shifts - centres).mean(axis=0)
    return Poses(poses.rotations, poses.shifts - poses.rotations @ off, poses.scores)


def _mean(stack: Stack, images: NDArray[np.float32], poses: Poses) -> NDArray[np.float32]:
    return average(images, poses, _WITHOUT_SYMMETRY, stack.tilt_range_deg, stack.threads)
