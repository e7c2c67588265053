"""First reference, made from the particles alone.

It starts as their average at random orientations. All particles are then aligned to the last
average repeatedly, at rising resolution and with a newly turned grid of orientations. The
handedness of the map is that of the particles, since tilt angles and missing wedge determine it;
its orientation is arbitrary. Its centre is the mean position of the particles.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ssn3d.averaging.align import Poses
from ssn3d.averaging.average import rotate_to_reference, shorten
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
    whole = replace(stack[rows], symmetry=_WITHOUT_SYMMETRY)
    full = len(stack.sphere)
    size = min(2 * (stack.first_shell + _MARGIN_SHELLS), full)  # smaller boxes, for speed
    scale = full / size
    small = replace(
        whole,
        images=np.stack([shorten(image, size) for image in whole.images]),
        masked=np.stack([shorten(image, size) for image in whole.masked]),
        sphere=shorten(stack.sphere, size),
        centres=whole.centres / scale,
        max_shift_voxels=stack.max_shift_voxels / scale,
    )
    every, count = np.arange(len(rows)), len(rows)
    poses = Poses(Rotation.random(count, rng=rng).as_matrix(), small.centres, np.zeros(count))
    lowest = min(max(_LEAST_SHELL, stack.first_shell // 2), stack.first_shell)
    shells = np.rint(np.linspace(lowest, stack.first_shell, _TURNS)).astype(int)
    volume = small.average(every, poses)
    for turn, highest in enumerate(progress(shells.tolist(), "first reference")):
        aligner = small.aligner(every, highest)
        reference = Reference(cut_out(volume, small.sphere))
        poses = aligner.everywhere(reference, even_rotations(_GRID_DEG, rng), small.step_voxels)
        if turn >= _TURNS - _LATE_TURNS:
            poses = aligner.nearby(reference, poses, _LATE_STEPS)
        poses = _centred(poses, small.centres)
        volume = small.average(every, poses)
    large = Poses(poses.rotations, poses.shifts * scale, poses.scores)
    masked_map = cut_out(whole.average(every, large), stack.sphere)
    axes = symmetry_axes(masked_map, stack.symmetry, min(stack.first_shell, _AXES_SHELL), rng)
    return rotate_to_reference(masked_map, axes)


def _centred(poses: Poses, centres: NDArray[np.float64]) -> Poses:
    """Shift the reference so that its centre is at the particles' mean centre (n, 3)."""
    off = np.einsum("nji,nj->ni", poses.rotations, poses.shifts - centres).mean(axis=0)
    return Poses(poses.rotations, poses.shifts - poses.rotations @ off, poses.scores)
