"""Order of the tilts, exposures, the published curve of radiation damage, and noise by tilt."""

import numpy as np
import pytest

from cameras import DOSE, ICE, camera
from sections import section
from ssn3d.core.seeds import generator
from ssn3d.microscope.acquisition import sample_acquisition
from ssn3d.microscope.dose import acquisition_order, damping, exposures, loss_per_dose
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.settings import DoseSettings
from ssn3d.microscope.shot_noise import noise_variances
from ssn3d.specimen.ice import draw_slab

TILTS = np.arange(-60.0, 61.0, 3.0)
RESOLUTIONS_ANGSTROM = np.array([3.0, 7.0, 20.0, 40.0, 200.0])


def dose(**values):
    return DoseSettings(**{**DOSE, **values})


@pytest.mark.parametrize(
    ("order", "taken"),
    [
        ("unidirectional", TILTS.tolist()),
        ("bidirectional", [*range(0, 61, 3), *range(-3, -61, -3)]),
        ("dose-symmetric", [0, 3, -3, -6, 6, 9, -9, -12, 12]),  # as in EMPIAR-10164
    ],
)
def test_acquisition_order(order, taken):
    indices = acquisition_order(TILTS, order)
    assert TILTS[indices][: len(taken)].tolist() == taken
    assert sorted(indices) == list(range(len(TILTS)))


def test_dose_symmetric_with_uneven_range():
    tilts = np.arange(-10.0, 41.0, 10.0)
    taken = tilts[acquisition_order(tilts, "dose-symmetric")]
    assert taken.tolist() == [0, 10, -10, 20, 30, 40]


def test_exposures_add_up():
    before, during = exposures(TILTS, dose(), 100.0)
    assert during.sum() == pytest.approx(100)
    np.testing.assert_allclose(during, 100 / len(TILTS))
    taken = acquisition_order(TILTS, "dose-symmetric")
    np.testing.assert_allclose(before[taken], np.arange(len(TILTS)) * 100 / len(TILTS))
    assert before[20] == 0


def test_inverse_cosine_exposures():
    _, during = exposures(TILTS, dose(exposure="inverse-cosine"), 100.0)
    assert during.sum() == pytest.approx(100)
    assert during[0] / during[20] == pytest.approx(2)  # 60 degrees


def test_critical_exposure_is_published():
    frequency = 1 / RESOLUTIONS_ANGSTROM
    critical = 0.245 * frequency**-1.665 + 2.81  # Grant & Grigorieff 2015, eq. 3
    assert critical[0] == pytest.approx(4.3, abs=0.1)
    loss = loss_per_dose(frequency, 300.0)
    left = [damping(loss[i : i + 1], critical[i], 0.0)[0] ** 2 for i in range(len(loss))]
    np.testing.assert_allclose(left, np.exp(-1))


def test_damping_is_mean_over_exposure():
    """As by summing the frames of a movie, each weighted by RELION's exp(-0.5 N / Ne)."""
    frequency = 1 / RESOLUTIONS_ANGSTROM
    frames = 30.0 + (np.arange(1000) + 0.5) * 8.0 / 1000
    critical = 0.245 * frequency**-1.665 + 2.81
    expected = np.exp(-0.5 * frames[:, None] / critical).mean(axis=0)
    left = damping(loss_per_dose(frequency, 300.0), 30.0, 8.0)
    np.testing.assert_allclose(left, expected, rtol=1e-6)


def test_damage_at_200_kv():
    frequency = 1 / RESOLUTIONS_ANGSTROM
    ratio = loss_per_dose(frequency, 300.0) / loss_per_dose(frequency, 200.0)
    np.testing.assert_allclose(ratio, 0.8, rtol=0.005)


def test_no_damping_without_exposure():
    loss = loss_per_dose(np.array([0.0, 0.05]), 300.0)
    assert damping(loss, 50.0, 3.0)[0] == 1
    assert damping(loss, 0.0, 0.0).tolist() == [1, 1]


def test_image_is_damped_by_exposure():
    """The damping is that of the curve at half of the exposure."""
    wave = np.tile(np.cos(2 * np.pi * 16 / 96 * np.arange(96)), (41, 96, 1)).astype(np.float32)
    tilt, series = {"step_deg": 3.0}, {**DOSE, "order": "unidirectional"}
    damped, plain = (camera(tilt=tilt, dose=d).image(wave)[20] for d in (series, None))
    frequency = 16 / 96 / 10
    middle = (20 + 0.5) / 41 * 100  # electrons at the middle of the exposure
    expected = np.exp(-0.5 * middle / (0.245 * frequency**-1.665 + 2.81))
    inside = (slice(30, -30),) * 2
    np.testing.assert_allclose(damped[inside], expected * plain[inside], atol=2e-3)


FIVE_TILTS = np.array([-60.0, -30.0, 0.0, 30.0, 60.0])
EQUAL = np.ones(5)
LEVEL = np.cos(np.deg2rad(FIVE_TILTS))


@pytest.mark.parametrize(
    ("electrons", "paths", "before", "after"),
    [
        # At 60 degrees the path is twice as long: half a mean free path more, here.
        (EQUAL, 0.5, 1 / LEVEL, np.exp(0.5 * (1 / LEVEL - 1))),
        (np.array([1.0, 2, 4, 2, 1]), 0.0, EQUAL, [2, 1, 0.5, 1, 2]),
        (3 * EQUAL, 0.0, EQUAL, EQUAL),
    ],
)
def test_noise_grows_with_path_in_ice_and_falls_with_exposure(electrons, paths, before, after):
    np.testing.assert_allclose(noise_variances(LEVEL, electrons, paths), [before, after])


@pytest.mark.parametrize(("about_x", "about_y"), [(0.0, 0.0), (0.0, 12.0), (15.0, -8.0)])
def test_noise_follows_path_through_slab(about_x, about_y):
    """The path is that of rays of the projector through the slab that the specimen has."""
    keys = {"tilt_about_x_deg": about_x, "tilt_about_y_deg": about_y, "thickness_angstrom": 160.0}
    size = {"x": 160, "y": 40, "z": 100}
    specimen = section("specimen", tomogram_size_voxels=size, ice=keys)
    slab, numbers = draw_slab(specimen, generator(0))
    settings = section("microscope", tilt={"min_deg": -50.0, "max_deg": 50.0, "step_deg": 25.0},
                       ice={"mean_free_path_angstrom": 1000.0})  # fmt: skip
    tilts = sample_acquisition(settings, 0, "t1", ice=numbers).tilts
    depth = slab.depth(np.moveaxis(np.indices((100, 40, 160)), 0, -1).astype(float))
    inside = np.clip(depth + 0.5, 0, 1).astype(np.float32)
    rays = 10 * Projector(100, 160, tilts.angle_deg).project(inside)[:, 20, 80]
    np.testing.assert_allclose(tilts.noise_variance_before_ctf * 160, rays, rtol=0.01)
    np.testing.assert_allclose(
        tilts.noise_variance_after_ctf, np.exp((rays - 160) / 1000), rtol=0.01
    )


@pytest.mark.parametrize(("fraction", "expected"), [(1.0, 2.0), (0.0, np.exp(0.5) / 2)])
def test_image_noise_variances(fraction, expected):
    """Tilted by 60 degrees against untilted: before the CTF, and after it with twice the dose."""
    detector = {"mtf": "none", "noise_before_ctf_fraction": fraction}
    tilt, dose = {"step_deg": 30.0}, {**DOSE, "exposure": "inverse-cosine"}
    taken = camera(tilt=tilt, ice=ICE, dose=dose, detector=detector)
    noise = taken.unit_noise((256, 256), generator(0, "n"))
    assert noise[0].var() / noise[2].var() == pytest.approx(expected, rel=0.05)
    assert noise[4].var() / noise[2].var() == pytest.approx(expected, rel=0.05)
