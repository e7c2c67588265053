"""Averages of noise: no significant resolution, and shifts within the limit."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from ssn3d.averaging.boxes import cut_boxes
from ssn3d.averaging.fsc import describe, evidence
from ssn3d.averaging.initial_model import initial_model
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.refine import refine
from ssn3d.averaging.steps import make_stack
from ssn3d.core.seeds import generator

VOXEL_ANGSTROM = 10.0


def noise_stack(seed, diameter_angstrom, size, symmetry="C1", max_shift_angstrom=25.0):
    rng = generator(seed, "noise")
    grid = np.stack(np.meshgrid(*[np.arange(3)] * 3, indexing="ij"), axis=-1).reshape(-1, 3)
    centres = grid * 12 + size // 2 + 2 + rng.uniform(-2, 2, (27, 3))
    volume = rng.normal(size=(30 + size,) * 3).astype(np.float32)
    options = AverageOptions(
        diameter_angstrom=diameter_angstrom,
        symmetry=symmetry,
        max_shift_angstrom=max_shift_angstrom,
    )
    return make_stack(cut_boxes(volume, centres, size), centres, options, VOXEL_ANGSTROM)


@pytest.mark.parametrize(
    ("diameter_angstrom", "size", "symmetry", "rounds", "seed"),
    [(60, 10, "C1", 2, 0), (90, 14, "C4", 2, 0), (120, 18, "C1", 2, 1)],
)
def test_noise_has_no_resolution(seed, diameter_angstrom, size, symmetry, rounds):
    stack = noise_stack(seed, diameter_angstrom, size, symmetry)
    rng = generator(seed, "noise", "refine")
    averages = refine(stack, initial_model(stack, rng), rounds, rng)
    assert averages.fsc[1:3].max() > 0.5, "the common reference is seen in both halves"
    for threshold in (0.5, 0.143):
        assert not stack.evidence.supports(averages.fsc, threshold)
    text = describe("half_maps", averages.fsc, stack.evidence, size * VOXEL_ANGSTROM)
    assert " at " not in text
    assert "0.5 not shown, 0.143 not shown" in text
    shifts = averages.poses.shifts - stack.centres[averages.rows]
    distance = np.linalg.norm(shifts, axis=1)
    assert distance.max() <= stack.max_shift_voxels + 1e-6
    assert distance.max() > 0.6 * stack.max_shift_voxels


def test_zero_max_shift():
    stack = noise_stack(0, 60.0, 10, max_shift_angstrom=0.0)
    rng = generator(0, "still")
    averages = refine(stack, initial_model(stack, rng), 1, rng)
    np.testing.assert_allclose(averages.poses.shifts, stack.centres[averages.rows], atol=1e-9)


def test_signal_has_a_resolution():
    stack = noise_stack(0, 120.0, 26)
    shown = evidence(stack.sphere, 5, 1)
    curve = np.where(np.arange(14) < 11, 0.9, 0.05)
    assert shown.supports(curve, 0.143)
    assert "0.143 at 23.9 A" in describe("half_maps", curve, shown, 260.0)
    assert not shown.supports(np.where(np.arange(14) <= shown.shared_shell, 0.9, 0), 0.143)
    assert "not reached, above it to the last shell, 20.0 A" in describe(
        "half_maps", np.ones(14), shown, 260.0
    )


def test_threads_do_not_change_averages():
    digests = set()
    for threads in (1, 3):
        stack = replace(noise_stack(0, 60.0, 10), threads=threads)
        rng = generator(0, "threads")
        averages = refine(stack, initial_model(stack, rng), 1, rng)
        digests.add(hashlib.sha256(averages.average.tobytes()).hexdigest())
    assert len(digests) == 1
