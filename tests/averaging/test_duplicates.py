"""Duplicate particles are merged, and never divided between half sets."""

from dataclasses import replace

import hypothesis
import numpy as np
import pytest
from hypothesis import strategies as st
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from tilted_specimen import SIZE, VOXEL_ANGSTROM

from ssn3d.averaging.boxes import cut_boxes
from ssn3d.averaging.duplicates import distinct, neighbours, split
from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.refine import refine
from ssn3d.averaging.steps import make_stack
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator

OPTIONS = AverageOptions(diameter_angstrom=150.0, max_shift_angstrom=40.0)
SEEDS = st.integers(0, 10_000)


@hypothesis.settings(max_examples=30)
@hypothesis.given(SEEDS, st.integers(4, 60), st.floats(0, 30))
def test_half_sets_keep_neighbours_together(seed, count, distance):
    rng = generator(seed, "halves")
    positions = rng.uniform(0, 60, (count, 3))
    pairs = neighbours(positions, distance)
    half_sets = split(positions, pairs, rng)
    assert set(half_sets) == {1, 2}
    crossing = (half_sets[pairs[:, 0]] != half_sets[pairs[:, 1]]).sum()
    sizes = np.bincount(half_sets)[1:]
    assert sizes.min() >= count // 4
    if crossing:
        links = coo_array((np.ones(len(pairs)), pairs.T), shape=(count, count))
        groups = connected_components(links, directed=False)[1]
        assert np.bincount(groups).max() > count / 2, "only a group of more than half is cut"
    if not len(pairs):
        assert np.ptp(sizes) <= 1


@hypothesis.settings(max_examples=30)
@hypothesis.given(SEEDS, st.floats(0, 30))
def test_distinct_particles_are_apart(seed, distance):
    rng = generator(seed, "distinct")
    positions, scores = rng.uniform(0, 60, (40, 3)), rng.uniform(size=40)
    left = distinct(positions, scores, distance)
    assert len(neighbours(positions[left], distance)) == 0
    assert scores.argmax() in left
    others = np.setdiff1d(np.arange(40), left)
    for row in others:
        near = left[np.linalg.norm(positions[left] - positions[row], axis=1) <= distance]
        assert scores[near].max() > scores[row]


def test_duplicates_are_merged(specimen, caplog):
    """Eight particles are listed twice: at one position, or within the maximum shift."""
    centres = specimen.particles.centres
    picked = np.concatenate([centres, centres[:4], centres[4:8] + np.array([0, 0, 3])])
    boxes = cut_boxes(specimen.tomogram, picked, SIZE)
    stack = make_stack(boxes, picked, OPTIONS, VOXEL_ANGSTROM)
    averages = refine(stack, specimen.map, 1, generator(0, "twice"))
    assert len(averages.rows) == 32
    assert sorted(averages.rows % 32) == list(range(32))
    assert "8 particles were aligned to the position of another" in caplog.text
    positions = boxes.middles[averages.rows] + averages.poses.shifts
    assert len(neighbours(positions, stack.merged_voxels)) == 0


def test_too_few_distinct_particles(specimen):
    picked = np.repeat(specimen.particles.centres[:3], 3, axis=0)
    boxes = cut_boxes(specimen.tomogram, picked, SIZE)
    stack = make_stack(boxes, picked, OPTIONS, VOXEL_ANGSTROM)
    with pytest.raises(DataError, match="3 different particles are left"):
        refine(stack, specimen.map, 0, generator(0, "three"))


def test_offsets_separate_tomograms(specimen):
    """Positions in specimens count, not those in the volume that holds the boxes."""
    picked = np.concatenate([specimen.particles.centres] * 2)
    boxes = cut_boxes(specimen.tomogram, picked, SIZE)
    stack = make_stack(boxes, picked, OPTIONS, VOXEL_ANGSTROM)
    elsewhere = stack.places + np.repeat([[0.0], [1000.0]], 32, axis=0)
    averages = refine(replace(stack, places=elsewhere), specimen.map, 0, generator(0, "both"))
    assert len(averages.rows) == 64
