"""Contrast of simulated tomograms: dilute or crowded, with gold or not, with borders or not."""

import logging
from itertools import product

import numpy as np
import pytest
from scipy import ndimage

from cameras import camera
from own_tomograms import spheres, write_tomogram
from ssn3d.core.seeds import generator
from ssn3d.io.tomogram import open_tomogram
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct

SHAPE, STEP = (48, 120, 120), 4.0
ANGLES = np.arange(-60, 61, STEP)
GOLD_OF_PROTEIN = 7.0
COUNTS = {"dilute": 5, "crowded": 90, "empty": 0}
NOISE = {"high": 0.15, "low": 1.0}
"""Standard deviation relative to the deepest voxel of protein, by signal-to-noise ratio."""


def imaged(density=None):
    """Tomogram of a density, or of white noise in the tilt images."""
    projector = Projector(SHAPE[0], SHAPE[2], ANGLES)
    if density is None:
        images = generator(0, "contrast").standard_normal((len(ANGLES), *SHAPE[1:]))
        return reconstruct(images.astype(np.float32), projector, STEP)
    smooth = ndimage.gaussian_filter(density.astype(np.float32), 1.155)
    images = camera(tilt={"step_deg": STEP}).image(projector.project(smooth - smooth.mean()))
    return reconstruct(images, projector, STEP)


@pytest.fixture(scope="module")
def parts():
    """Tomograms of protein of each crowding, of gold and of noise, to be added."""
    rng = generator(0, "contrast")
    places = rng.uniform(8, np.array(SHAPE) - 8, (120, 3))
    made = {name: imaged(spheres(SHAPE, places[:n], 5)) for name, n in COUNTS.items()}
    beads = np.zeros(SHAPE, bool)
    for place, radius in zip(places[100:112], rng.uniform(4, 6, 12), strict=True):
        beads |= spheres(SHAPE, [place], radius)
    made["gold"] = GOLD_OF_PROTEIN * imaged(beads)
    noise = imaged()
    made["noise"] = noise / noise.std() * -made["crowded"].min()
    return made


CASES = [case for case in product(COUNTS, [True, False], NOISE) if case[:2] != ("empty", False)]


@pytest.mark.parametrize("border", [False, True])
@pytest.mark.parametrize(("crowding", "gold", "noise"), CASES)
def test_contrast_is_found(parts, crowding, gold, noise, border, tmp_path, caplog):
    caplog.set_level(logging.INFO, "ssn3d")
    volume = parts[crowding] + NOISE[noise] * parts["noise"] + gold * parts["gold"]
    if border:
        volume = np.pad(volume, 6, constant_values=volume.max())
    for sign in (1, -1):
        caplog.clear()
        tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", sign * volume))
        assert tomogram.protein_is_dark == (sign == 1)
        assert "a guess" not in caplog.text
