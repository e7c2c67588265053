"""Alignment of particles in a noisy tomogram with the missing wedge; RELION's average."""

import shutil
import subprocess
from dataclasses import replace

import mrcfile
import numpy as np
import pytest
from tilted_specimen import SIZE, VOXEL_ANGSTROM

from ssn3d.averaging.align import Poses
from ssn3d.averaging.average import rotate_to_reference, sum_up, symmetrise
from ssn3d.averaging.boxes import cut_boxes
from ssn3d.averaging.fsc import shell_correlation
from ssn3d.averaging.initial_model import initial_model
from ssn3d.averaging.masks import cut_out
from ssn3d.averaging.refine import refine
from ssn3d.averaging.steps import AverageOptions, make_stack
from ssn3d.averaging.superpose import superpose, symmetry_axes, symmetry_score
from ssn3d.averaging.symmetry import angular_error_deg, symmetry_rotations
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.simulated import write_subtomograms_star

OPTIONS = AverageOptions(diameter_angstrom=150.0, max_shift_angstrom=20.0)


@pytest.fixture(scope="session")
def stack(specimen):
    """Return the boxes of the specimen, at positions up to a voxel off."""
    off = generator(1, "picks").uniform(-1, 1, specimen.particles.centres.shape)
    picked = specimen.particles.centres + off
    return make_stack(cut_boxes(specimen.tomogram, picked, SIZE), picked, OPTIONS, VOXEL_ANGSTROM)


def errors_deg(specimen, averages, frame=None):
    frame = np.eye(3) if frame is None else frame
    return angular_error_deg(specimen.particles.rotations, averages.poses.rotations @ frame)


def test_known_reference(specimen, stack):
    averages = refine(stack, specimen.map, 1, generator(0, "known"))
    assert np.median(errors_deg(specimen, averages)) < 8
    assert (errors_deg(specimen, averages) < 25).mean() > 0.9
    found = averages.poses.shifts - stack.centres  # the picks were as far off, the other way
    assert found.std() > 0.3
    seen, true = (cut_out(m, stack.sphere) for m in (averages.average, specimen.map))
    assert shell_correlation(seen, true)[1:5].min() > 0.9
    assert sorted(np.unique(averages.half_sets, return_counts=True)[1].tolist()) == [16, 16]


def test_no_reference(specimen, stack):
    rng = generator(0, "unknown")
    averages = refine(stack, initial_model(stack, rng), 1, rng)
    seen, true = (cut_out(m, stack.sphere) for m in (averages.average, specimen.map))
    pose = superpose(seen, true, 5, 3.0, rng)
    onto = rotate_to_reference(seen, pose.rotations[0], pose.shifts[0])
    assert shell_correlation(onto, true)[1:4].min() > 0.8
    assert np.median(errors_deg(specimen, averages, pose.rotations[0])) < 12
    found = stack.places + averages.poses.shifts
    off = np.linalg.norm(found - specimen.particles.centres, axis=1)
    assert np.median(off) < 0.4, "the reference is centred"


def test_average_fills_wedge(specimen, stack):
    true = cut_out(specimen.map, stack.sphere)
    shifts = specimen.particles.centres - np.rint(specimen.particles.centres)
    boxes = cut_boxes(specimen.tomogram, specimen.particles.centres, SIZE)
    right = Poses(specimen.particles.rotations, shifts, np.ones(len(shifts)))
    wrong = Poses(np.swapaxes(right.rotations, 1, 2), shifts, np.ones(len(shifts)))
    correlation = []
    for poses in (right, wrong):
        volume = sum_up(boxes.images, poses, np.eye(3)[None], (-60, 60), 1).average()
        seen = cut_out(volume, stack.sphere)
        correlation.append(shell_correlation(seen, true)[1:7].min())
    assert correlation[0] > 0.9
    assert correlation[1] < 0.5


def test_average_weighs_particles(specimen, stack):
    """Half sets of different sizes are weighted by their particles."""
    shifts = specimen.particles.centres - np.rint(specimen.particles.centres)
    poses = Poses(specimen.particles.rotations, shifts, np.ones(len(shifts)))
    rows = [np.arange(3), np.arange(3, 32)]
    first, second = (stack.sum_up(part, poses[part]) for part in rows)
    whole = stack.average(np.arange(32), poses)
    np.testing.assert_allclose((first + second).average(), whole, atol=1e-4)
    halves = (first.average() + second.average()) / 2
    assert np.abs(halves - whole).max() > 0.1 * np.abs(whole).max()


def test_average_masked(specimen):
    """Surroundings of the particle are removed from the average."""
    centres = specimen.particles.centres
    boxes = cut_boxes(specimen.tomogram, centres, SIZE, specimen.labels)
    poses = Poses(specimen.particles.rotations, centres - boxes.middles, np.ones(len(centres)))
    around = specimen.map > 0.01 * specimen.map.min()
    left = []
    for also in (False, True):
        options = replace(OPTIONS, average_masked=also)
        stack = make_stack(boxes, centres, options, VOXEL_ANGSTROM)
        left.append(stack.average(np.arange(len(centres)), poses)[around].std())
    assert left[1] < 0.3 * left[0]


def test_symmetry_axes(specimen):
    rng = generator(0, "axes")
    group = symmetry_rotations("D3")
    symmetric = symmetrise(specimen.map, group)
    turned = rotate_to_reference(symmetric, np.linalg.qr(rng.normal(size=(3, 3)))[0])
    assert symmetry_score(turned, group, np.eye(3)[None], 5)[0] < 0.9
    again = rotate_to_reference(turned, symmetry_axes(turned, group, 5, rng))
    assert symmetry_score(again, group, np.eye(3)[None], 5)[0] > 0.97


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
