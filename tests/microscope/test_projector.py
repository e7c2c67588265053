"""Projection against sums, its transpose, and ASTRA; reconstruction and its missing wedge."""

import hashlib

import numpy as np
import pytest
import scipy.ndimage
import torch

from sections import changed, section
from ssn3d.core.seeds import generator
from ssn3d.microscope import projector as module
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct

TILT = section("microscope").tilt
FULL = np.arange(-90.0, 90.0, 1.0)


def blobs(size_z, size_y, size_x, margin=0.25):
    """Smooth phantom: 12 Gaussian blobs of 3 voxels, well inside."""
    rng = generator(0, "blobs")
    volume = np.zeros((size_z, size_y, size_x), dtype=np.float32)
    shape = np.array(volume.shape)
    places = rng.uniform(margin * shape, (1 - margin) * shape, size=(12, 3)).astype(int)
    volume[tuple(places.T)] = rng.uniform(0.5, 1, size=12)
    return scipy.ndimage.gaussian_filter(volume, (3, min(3, size_y / 4), 3)) * 1000


def test_tilts_include_both_ends():
    angles = TILT.angles_deg
    assert len(angles) == 121
    assert (angles[0], angles[60], angles[-1]) == (-60, 0, 60)
    assert changed(TILT, step_deg=0.1).angles_deg[-1] == pytest.approx(60)


@pytest.mark.parametrize("size_x", [32, 33])
def test_zero_tilt_is_sum_along_z(size_x, device):
    volume = generator(0, "v").standard_normal((20, 5, size_x), dtype=np.float32)
    projected = Projector(20, size_x, [0.0], device).project(volume)[0]
    np.testing.assert_allclose(projected, volume.sum(axis=0), atol=1e-5)


def test_ninety_degrees_is_sum_along_x():
    volume = generator(0, "v").standard_normal((31, 4, 31), dtype=np.float32)
    projected = Projector(31, 31, [90.0], "cpu").project(volume)[0]
    np.testing.assert_allclose(projected, volume.sum(axis=2).T, atol=1e-4)


def test_backprojection_is_the_adjoint(device):
    rng = generator(0, "adjoint")
    projector = Projector(24, 40, np.arange(-70.0, 71.0, 7.0), device)
    volume = rng.standard_normal((24, 6, 40), dtype=np.float32)
    tilts = rng.standard_normal((projector.tilts, 6, 40), dtype=np.float32)
    left = np.vdot(projector.project(volume).astype(float), tilts)
    right = np.vdot(volume, projector.backproject(tilts).astype(float))
    size = np.linalg.norm(projector.project(volume)) * np.linalg.norm(tilts)
    assert abs(left - right) / size < 1e-6


def test_volumes_repeat(device):
    """Simulations repeat to the byte on each device, whose sums must keep their order."""
    volume = generator(0, "v").standard_normal((48, 40, 64), dtype=np.float32)
    projector = Projector(48, 64, np.arange(-60.0, 61.0, 4.0), device)

    def digest():
        tilts = projector.project(volume)
        parts = tilts.tobytes(), reconstruct(tilts, projector, 4.0).tobytes()
        return [hashlib.sha256(part).hexdigest() for part in parts]

    first = digest()
    assert all(digest() == first for _ in range(3))


@pytest.mark.gpu
def test_reconstruction_agrees_on_cpu_and_cuda():
    if not torch.cuda.is_available():
        pytest.skip("no CUDA GPU")
    tilts = generator(0, "t").standard_normal((13, 8, 48), dtype=np.float32)
    ours, theirs = (
        reconstruct(tilts, Projector(32, 48, np.arange(-60.0, 61.0, 10.0), device), 10.0)
        for device in ("cpu", "cuda")
    )
    np.testing.assert_allclose(theirs, ours, atol=1e-5 * np.abs(ours).max())


def test_slabs_and_bands_change_nothing(monkeypatch):
    volume = blobs(23, 17, 40)
    projector = Projector(23, 40, FULL[::9])
    tilts = projector.project(volume)
    whole = projector.backproject(tilts)
    monkeypatch.setattr(module, "_SLAB_SLICES", {"cpu": 5})
    monkeypatch.setattr(module, "_BAND_ROWS", 7)
    np.testing.assert_allclose(projector.project(volume), tilts, rtol=1e-5)
    np.testing.assert_allclose(projector.backproject(tilts), whole, rtol=1e-5)


def test_spot_moves_with_tilt():
    volume = np.zeros((41, 1, 41), dtype=np.float32)
    volume[20 + 10, 0, 20 + 5] = 1  # z = 10, x = 5 from the centre
    volume = scipy.ndimage.gaussian_filter(volume, (1.5, 0, 1.5))
    for angle in (-60.0, -20.0, 35.0, 60.0):
        line = Projector(41, 41, [angle]).project(volume)[0, 0]
        place = np.average(np.arange(41) - 20, weights=line)
        a = np.deg2rad(angle)
        assert place == pytest.approx(5 * np.cos(a) + 10 * np.sin(a), abs=0.01)


@pytest.fixture
def astra():
    """Return ASTRA, which a machine that only tests its GPU need not have."""
    return pytest.importorskip("astra", reason="no ASTRA")


def astra_projector(astra, size_z, size_x, angles_deg):
    """ASTRA's linear projector for our slices, on the CPU; its angles run the other way."""
    # ASTRA centres the grid between voxels for even sizes, ours is on voxel n // 2: odd sizes agree
    volume = astra.create_vol_geom(size_z, size_x)
    projection = astra.create_proj_geom("parallel", 1.0, size_x, np.deg2rad(angles_deg))
    return astra.create_projector("linear", projection, volume)


@pytest.fixture(scope="module")
def phantom():
    return blobs(61, 3, 121)


def test_projection_agrees_with_astra(phantom, astra):
    angles = np.arange(-60.0, 61.0, 5.0)
    ours = Projector(61, 121, angles).project(phantom)[:, 1]
    # ASTRA's rows run downwards in y, so its rotation is ours for a flipped slice
    _, theirs = astra.create_sino(phantom[::-1, 1], astra_projector(astra, 61, 121, angles))
    difference = np.linalg.norm(ours - theirs) / np.linalg.norm(theirs)
    assert difference < 0.01
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99


def test_reconstruction_agrees_with_astra(phantom, astra):
    projector = Projector(61, 121, FULL)
    tilts = projector.project(phantom)
    ours = reconstruct(tilts, projector, 1.0)[:, 1]
    _, theirs = astra.create_reconstruction(
        "FBP", astra_projector(astra, 61, 121, FULL), tilts[:, 1]
    )
    theirs = theirs[::-1]
    assert np.linalg.norm(ours - theirs) / np.linalg.norm(theirs) < 0.01
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.99
    assert np.linalg.norm(ours - phantom[:, 1]) / np.linalg.norm(phantom[:, 1]) < 0.03


def test_missing_wedge_is_empty():
    angles = TILT.angles_deg
    size = 128
    phantom = blobs(size, 2, size, margin=0.4)
    projector = Projector(size, size, angles)
    volume = reconstruct(projector.project(phantom), projector, 1.0)
    window = np.hanning(size)  # streaks end at the border, which would leak into all frequencies
    power = np.abs(np.fft.fft2(volume[:, 1] * np.outer(window, window))) ** 2
    kz, kx = np.meshgrid(np.fft.fftfreq(size), np.fft.fftfreq(size), indexing="ij")
    # a tilt by a samples the line of frequencies at the angle a from kx; the window blurs by two
    beyond = np.abs(kz) * np.cos(np.pi / 3) - np.abs(kx) * np.sin(np.pi / 3)
    inside, rest = power[beyond > 3 / size].sum(), power[beyond < 0].sum()
    assert inside / rest < 1e-3
    original = np.abs(np.fft.fft2(phantom[:, 1])) ** 2
    assert original[beyond > 3 / size].sum() / original[beyond < 0].sum() > 0.01


def test_volume_of_another_size():
    with pytest.raises(ValueError, match="does not fit"):
        Projector(8, 8, [0.0]).project(np.zeros((9, 2, 8), np.float32))
