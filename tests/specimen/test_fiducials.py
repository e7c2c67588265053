"""Gold: a ball, seven times as dense as protein, labelled to its surface."""

import numpy as np
import pytest
import scipy.ndimage

from ssn3d.specimen.fiducial import Fiducial, blurred_ball
from ssn3d.specimen.volume import Grid
from ssn3d.structures.scattering import GOLD, protein_dalton_per_nm3

GRID = Grid(10.0, 40.0)


def test_gold_contrast():
    assert protein_dalton_per_nm3(GOLD) == pytest.approx(7.15 * 1000 / 1.21, rel=0.01)


@pytest.mark.parametrize("diameter", [50.0, 100.0, 200.0])
def test_bead_mass_and_mask(diameter):
    bead = Fiducial(np.array([30.2, 29.5, 30.9]), diameter, GRID)
    drawn = bead.draw((60, 60, 60), 60.0)
    ball = np.pi / 6 * diameter**3 / 1e3  # voxels
    assert drawn.density.sum() == pytest.approx(ball * protein_dalton_per_nm3(GOLD), rel=1e-3)
    assert drawn.mask.sum() == pytest.approx(ball, rel=0.1)
    centre = drawn.corner + scipy.ndimage.center_of_mass(drawn.density)
    np.testing.assert_allclose(centre, bead.centre, atol=1e-3)


def test_blurred_ball():
    away = np.linalg.norm(np.indices((81,) * 3).T - 40.0, axis=-1)
    fine = np.clip(20.5 - away, 0, 1)  # with a smooth edge
    expected = scipy.ndimage.gaussian_filter(fine, 6.0)
    np.testing.assert_allclose(blurred_ball(away, 20.0, 6.0), expected, atol=0.005)


def test_bead_at_border_and_outside():
    whole = Fiducial(np.array([30.0, 30, 30]), 100.0, GRID).draw((60, 60, 60), 60.0)
    cut = Fiducial(np.array([30.0, 30, 0]), 100.0, GRID).draw((60, 60, 60), 60.0)
    assert cut.density.sum() == pytest.approx(whole.density.sum() / 2, rel=0.2)
    assert (cut.corner >= 0).all()
    assert Fiducial(np.array([30.0, 30, -40]), 100.0, GRID).draw((60, 60, 60), 60.0) is None
