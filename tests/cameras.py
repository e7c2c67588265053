"""Cameras for tests, of the settings in config.yaml with what a test is about changed."""

import torch

from sections import section
from ssn3d.microscope.acquisition import sample_acquisition
from ssn3d.microscope.detector import Camera

DOSE = {"total_e_per_angstrom2": 100.0, "order": "dose-symmetric", "exposure": "equal"}
ICE = {"mean_free_path_angstrom": 4000.0}
SLAB = {"ice.thickness_angstrom": 2000.0}
ERRORS = {"shift_sd_angstrom": 40.0, "rotation_sd_deg": 1.0, "axis_rotation_deg": 2.0}


def camera(pixel_size_angstrom=10.0, device="cpu", **values):
    """Give a camera of the `microscope` section with some values changed."""
    settings = section("microscope", **values)
    at = (pixel_size_angstrom, torch.device(device))
    return Camera(
        settings.optics, settings.detector, sample_acquisition(settings, 0, "t1", ice=SLAB), *at
    )
