"""Vacuum beside a slab of ice: it holds no specimen, and nothing is picked or segmented there."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ssn3d.measure.slab import Face, Slab
from ssn3d.measure.vacuum import Vacuum, find_vacuum, specimen_of
from ssn3d.picking.pick import Choice, pick_blobs


def whole(tomogram):
    return tuple(map(slice, (0, 0, 0), tomogram.grid.shape))


@pytest.mark.parametrize("snr", [0.2, 0.06])
def test_vacuum_holds_no_specimen(simulated, opened, snr):
    tomogram = opened(simulated.at(snr))
    vacuum = find_vacuum(tomogram)
    masked = vacuum.where(whole(tomogram))
    assert not simulated.classes[masked].any()
    # beyond 600 A of ice and twice 150 A, 60 of 960 A are left, and as much by its tilt
    assert 0.02 < masked.mean() < 0.2


def test_no_picks_in_vacuum(simulated, opened):
    tomogram = opened(simulated.at(0.06))
    is_specimen = specimen_of(tomogram)
    picks = [
        pick_blobs(
            *(tomogram.read_dark, tomogram.grid.shape, 10.0, 120.0),
            Choice(0.0),
            is_data=known,
        )
        .centres.round()
        .astype(int)
        for known in (tomogram.is_data, is_specimen)
    ]
    everywhere, kept = (is_specimen(whole(tomogram))[tuple(some.T)] for some in picks)
    assert not everywhere.all()
    assert kept.all()


def test_no_vacuum_without_faces(simulated, opened):
    middle = simulated.at(0.2)[30:66]
    tomogram = opened(middle, "middle")
    assert find_vacuum(tomogram) is None
    assert specimen_of(tomogram)(whole(tomogram)) is None


@pytest.fixture(scope="module")
def noise(opened):
    return opened(np.random.default_rng(0).normal(size=(20, 24, 28)).astype(np.float32), "noise")


heights, slopes = st.floats(-40, 40), st.floats(-0.5, 0.5)
faces = st.builds(Face, heights, slopes, slopes)
lengths = st.tuples(st.integers(0, 19), st.integers(1, 9))


@given(faces, faces, st.tuples(lengths, lengths, lengths))
def test_boxes_agree_with_voxels(noise, bottom, top, axes):
    """A box is held by the vacuum if one side of it holds all its voxels."""
    first = tuple(float(start) for start, _ in axes)
    stop = tuple(float(start + length) for start, length in axes)
    part = tuple(slice(start, start + length) for start, length in axes)
    sides = [
        Vacuum(noise, Slab(*faces, 2.0, 1.0)).where(part).all()
        for faces in ((bottom, None), (None, top))
    ]
    assert Vacuum(noise, Slab(bottom, top, 2.0, 1.0)).holds(first, stop) == any(sides)
