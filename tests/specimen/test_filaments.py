"""Filaments have their helix, their mass and their stiffness."""

import numpy as np
import pytest

from ssn3d.core.seeds import generator
from ssn3d.specimen.curve import STEP_ANGSTROM, directed, worm_like_chain
from ssn3d.specimen.filament import ACTIN, MICROTUBULE, Filament
from ssn3d.specimen.volume import Grid

GRID = Grid(10.0, 40.0)


def straight(assembly, length=830.0, direction=(0.0, 0.0, 1.0)):
    """A straight filament in the middle of a volume, and its subunits in angstrom, x, y, z."""
    chain = directed(worm_like_chain(length, 1e18, generator(0)), np.array(direction), 0.0)
    filament = Filament(np.array([50.0, 20.0, 20.0]), chain, assembly, GRID)
    centres, rotations = filament.subunits
    return filament, 10 * (centres - filament.centre)[:, ::-1], rotations


def test_actin_rises_and_turns_as_it_does():
    _, centres, rotations = straight(ACTIN)
    assert len(centres) == int(830 / 27.6) + 1
    np.testing.assert_allclose(np.diff(centres[:, 2]), 27.6, atol=1e-3)
    azimuth = np.rad2deg(np.arctan2(centres[:, 1], centres[:, 0]))
    turns = (np.diff(azimuth) + 180) % 360 - 180
    np.testing.assert_allclose(turns, -166.6, atol=0.01)
    np.testing.assert_allclose(np.linalg.norm(centres[:, :2], axis=1), 24.0, atol=1e-3)
    np.testing.assert_allclose(np.linalg.det(rotations), 1)
    radial = rotations[:, ::-1, ::-1][:, :, 0]  # x of a subunit points away from the axis
    np.testing.assert_allclose(radial[:, :2], centres[:, :2] / 24.0, atol=1e-3)


def test_microtubule_lattice():
    _, centres, _ = straight(MICROTUBULE)
    azimuth = np.rint(np.rad2deg(np.arctan2(centres[:, 1], centres[:, 0])) / (360 / 13)) % 13
    heights = {k: np.sort(centres[azimuth == k, 2]) for k in range(13)}
    for column in heights.values():
        np.testing.assert_allclose(np.diff(column), 41.0, atol=1e-3)
    for k in range(12):  # the next one clockwise, looking down the axis, is higher
        lower, higher = heights[k + 1], heights[k]
        steps = (higher[:, None] - lower) % 41
        np.testing.assert_allclose(steps, 3 * 41 / 13, atol=1e-3)
    np.testing.assert_allclose(np.linalg.norm(centres[:, :2], axis=1), 112.0, atol=1e-3)


@pytest.mark.parametrize(("assembly", "dalton_per_angstrom"), [
    (ACTIN, 42_000 / 27.6), (MICROTUBULE, 13 * 50_000 / 41),
])  # fmt: skip
def test_filament_mass_per_length(assembly, dalton_per_angstrom):
    filament, centres, _ = straight(assembly)
    drawn = filament.draw((100, 60, 60), 60.0)
    assert drawn.density.sum() == pytest.approx(len(centres) * assembly.subunit_dalton, rel=1e-4)
    assert drawn.density.sum() == pytest.approx(dalton_per_angstrom * 830, rel=0.05)
    middle = drawn.density[50 - drawn.corner[0]]
    width = 10 * np.count_nonzero((middle > 60).any(axis=0))
    assert abs(width - 2 * assembly.outer_radius_angstrom) < 40


def test_microtubule_is_hollow():
    filament, _, _ = straight(MICROTUBULE)
    drawn = filament.draw((100, 60, 60), 60.0)
    z, y, x = np.array([50, 20, 20]) - drawn.corner
    assert drawn.density[z, y, x] < 5
    assert drawn.density[z, y, x : x + 15].max() > 100


def test_filament_at_border_is_cut():
    filament, _, _ = straight(ACTIN)
    whole, part = filament.draw((100, 60, 60), 60.0), filament.draw((50, 60, 60), 60.0)
    assert part.density.sum() == pytest.approx(whole.density.sum() / 2, rel=0.05)
    assert filament.draw((100, 60, 5), 60.0) is None


def test_very_short_filaments():
    _, centres, _ = straight(MICROTUBULE, 20.0)
    assert len(centres) == 3
    _, centres, _ = straight(ACTIN, 20.0)
    assert len(centres) == 1


def test_persistence_length():
    """The mean cosine between directions a length apart is exp(-length / persistence)."""
    rng = generator(0, "worm")
    cosines = []
    for _ in range(150):
        frames = worm_like_chain(1000.0, 2000.0, rng).frames
        cosines.append(frames[0, :, 2] @ frames[-1, :, 2])
    assert np.mean(cosines) == pytest.approx(np.exp(-0.5), abs=0.06)


def test_chain_direction_and_frames():
    direction = np.array([0.6, -0.64, 0.48])
    chain = directed(worm_like_chain(600.0, 3000.0, generator(4)), direction, 1.0)
    middle = len(chain.points_angstrom) // 2
    np.testing.assert_allclose(chain.points_angstrom[middle], 0, atol=1e-9)
    np.testing.assert_allclose(chain.frames[middle, :, 2], direction, atol=1e-9)
    steps = np.diff(chain.points_angstrom, axis=0) / STEP_ANGSTROM
    np.testing.assert_allclose(steps, chain.frames[1:, :, 2], atol=1e-9)
    assert chain.length_angstrom == 600
    np.testing.assert_allclose(np.linalg.det(chain.frames), 1)
