"""RELION as oracle: its average at our poses."""

import shutil
import subprocess

import mrcfile
import numpy as np
import pytest
from tilted_specimen import SIZE, VOXEL_ANGSTROM

from ssn3d.averaging.boxes import cut_boxes
from ssn3d.averaging.fsc import shell_correlation
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.refine import refine
from ssn3d.averaging.steps import AverageOptions, make_stack
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.simulated import write_subtomograms_star

OPTICS = {"voltage_kv": 300.0, "cs_mm": 2.0, "amplitude_contrast": 0.07}


@pytest.mark.skipif(not shutil.which("relion_reconstruct"), reason="RELION is not installed")
@pytest.mark.slow
def test_average_matches_relion(specimen, tmp_path):
    options = AverageOptions(diameter_angstrom=150.0, max_shift_angstrom=10.0)
    centres = np.rint(specimen.particles.centres)
    boxes = cut_boxes(specimen.tomogram, centres, SIZE)
    stack = make_stack(boxes, centres, options, VOXEL_ANGSTROM)
    averages = refine(stack, specimen.map, 1, generator(0, "relion"))
    names = [f"box{row}.mrc" for row in boxes.rows]
    for name, image in zip(names, boxes.images, strict=True):
        write_mrc(tmp_path / name, image, VOXEL_ANGSTROM)
    found = boxes.middles + averages.poses.shifts
    # images are cut about the picks, from which shifts count, up to a voxel
    write_subtomograms_star(
        tmp_path / "particles.star",
        Particles(specimen.particles.pdb_ids, found, averages.poses.rotations),
        tomograms=np.array(["t1"] * len(found)),
        image_names=names,
        size_voxels=SIZE,
        voxel_size_angstrom=VOXEL_ANGSTROM,
        optics=OPTICS,
    )
    command = ["relion_reconstruct", "--i", "particles.star", "--o", "average.mrc", "--3d_rot"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    theirs, ours = (
        cut_out(volume, stack.sphere)
        for volume in (mrcfile.read(tmp_path / "average.mrc"), averages.average)
    )
    assert shell_correlation(theirs, ours)[1:7].min() > 0.95
