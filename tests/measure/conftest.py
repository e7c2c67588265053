"""One simulated tomogram whose truth is known, shared by all tests of measurements."""

from dataclasses import dataclass

import numpy as np
import pytest

from own_tomograms import write_tomogram
from sections import PAPER, section
from small_workflow import REPOSITORY
from ssn3d.core.background import classes_of_labels
from ssn3d.core.device import pick_device
from ssn3d.core.seeds import generator
from ssn3d.io.tomogram import open_tomogram
from ssn3d.microscope.acquisition import sample_acquisition
from ssn3d.microscope.detector import Camera
from ssn3d.microscope.noise_scale import NoiseScale
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.microscope.snr import reference_particles
from ssn3d.specimen.build import build_specimen
from ssn3d.structures.complexes import read_complexes
from ssn3d.structures.surrogates import surrogate

SPECIMEN = section(
    "specimen",
    tomogram_size_voxels={"x": 144, "y": 144, "z": 96},
    region_size_voxels={"x": 180, "y": 180, "z": 120},
    particles=90,
    fiducials={"count": 3, "diameter_angstrom": 100.0},
    ice={"thickness_angstrom": 600.0, "tilt_about_x_deg": 4.0, "tilt_about_y_deg": -6.0},
)
MICROSCOPE = section("microscope", tilt={"min_deg": -42.0, "max_deg": 63.0, "step_deg": 3.0})
SNRS = (0.2, 0.06, 0.01)


@dataclass
class Simulated:
    """A tomogram without noise, noise of scale 1, and the scale for each SNR."""

    signal: np.ndarray
    noise: np.ndarray
    scales: dict
    beads: np.ndarray
    classes: np.ndarray

    def at(self, snr):
        return self.signal + np.float32(self.scales[snr]) * self.noise


@pytest.fixture(scope="session")
def simulated():
    complexes = read_complexes(REPOSITORY / "resources" / "complexes.tsv")
    models = [surrogate(pdb_id, complexes) for pdb_id in ("1KP8", "2GLS")]
    points = {model.pdb_id: (model.points_angstrom, model.masses_dalton) for model in models}
    rng = generator(3, "measure")
    specimen = build_specimen(points, SPECIMEN, rng)
    z, y, x = SPECIMEN.tomogram_size_voxels.zyx
    device = pick_device("cpu")
    projector = Projector(z, x, MICROSCOPE.tilt.angles_deg, device)
    taken = sample_acquisition(MICROSCOPE, 3, "measure")
    camera = Camera(MICROSCOPE.optics, MICROSCOPE.detector, taken, 10.0, device)
    density = specimen.density - specimen.density.mean(dtype=np.float64).astype(np.float32)
    step = MICROSCOPE.tilt.step_deg
    signal = reconstruct(camera.image(projector.project(density)), projector, step)
    noise = reconstruct(camera.unit_noise((y, x), rng), projector, step)
    reference = reference_particles(specimen.particles, PAPER.snr, 40, signal.shape)
    model = NoiseScale(signal, noise, reference, np.ones((40, 40, 40), bool))
    scales = {snr: model.solve(snr) for snr in SNRS}
    background = specimen.background
    classes = classes_of_labels(specimen.labels, len(specimen.particles), background.kinds)
    return Simulated(signal, noise, scales, background.centres, classes)


@pytest.fixture(scope="session")
def opened(tmp_path_factory):
    """Return a function that writes a volume and opens it as a tomogram."""
    folder = tmp_path_factory.mktemp("measure")

    def write_and_open(volume, name="t", voxel_size=10.0):
        return open_tomogram(write_tomogram(folder / f"{name}.mrc", volume, voxel_size))

    return write_and_open
