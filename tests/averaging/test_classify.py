"""Classification of a mixture of two shapes."""

import numpy as np
import pandas as pd
import pytest
import starfile
from tilted_specimen import SIZE, VOXEL_ANGSTROM, tilted_specimen

from ssn3d.averaging.align import Poses
from ssn3d.averaging.boxes import cut_boxes
from ssn3d.averaging.classes import average_classes
from ssn3d.averaging.classify import classify, constrained_correlations
from ssn3d.averaging.steps import AverageOptions, Inputs, make_stack
from ssn3d.cli.main import main
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import read_mrc, write_mrc
from ssn3d.io.particles.simulated import write_particles
from ssn3d.structures.maps import density_map

OPTIONS = AverageOptions(diameter_angstrom=150.0, max_shift_angstrom=10.0)


@pytest.fixture(scope="session")
def ring(molecule):
    """Return a ring as heavy as the molecule: points and masses."""
    rng = generator(0, "ring")
    masses = molecule[1]
    angle = rng.uniform(0, 2 * np.pi, len(masses))
    points = 38 * np.stack([0 * angle, np.cos(angle), np.sin(angle)], axis=1)
    points += 8 * rng.normal(size=points.shape)
    return (points - np.average(points, axis=0, weights=masses)).astype(np.float32), masses


@pytest.fixture(scope="session")
def mixture(molecule, ring):
    """Return 16 molecules and 16 rings in a noisy tomogram with the missing wedge."""
    return tilted_specimen(molecule, ring)


def stack_of(mixture):
    centres = mixture.particles.centres
    return make_stack(cut_boxes(mixture.tomogram, centres, SIZE), centres, OPTIONS, VOXEL_ANGSTROM)


def test_constrained_correlations(mixture):
    stack = stack_of(mixture)
    poses = Poses(mixture.particles.rotations, stack.centres, np.ones(32))
    correlations = constrained_correlations(stack, poses)
    np.testing.assert_allclose(np.diag(correlations), 1, atol=1e-4)
    same = mixture.particles.pdb_ids[:, None] == mixture.particles.pdb_ids
    others = ~np.eye(32, dtype=bool)
    assert correlations[same & others].min() > correlations[~same].max()


@pytest.fixture(scope="session")
def tomogram(mixture, tmp_path_factory):
    """Write the tomogram and all particles of the mixture to a folder, and return it."""
    folder = tmp_path_factory.mktemp("mixture")
    write_mrc(folder / "tomogram.mrc", mixture.tomogram, VOXEL_ANGSTROM)
    write_particles(folder / "all.star", mixture.particles, "tomogram", VOXEL_ANGSTROM)
    return folder


def test_too_many_classes_are_refused_first(tomogram, tmp_path, monkeypatch):
    monkeypatch.setattr("ssn3d.averaging.classes.first_reference", None)
    inputs = Inputs(tomogram / "all.star", tomogram / "tomogram.mrc")
    with pytest.raises(DataError, match="9 classes of 32 particles: 4 are needed in each"):
        average_classes(inputs, tmp_path, OPTIONS, 9)


def test_more_classes_of_an_earlier_run_are_refused(tomogram, tmp_path):
    (tmp_path / "class3").mkdir()
    inputs = Inputs(tomogram / "all.star", tomogram / "tomogram.mrc")
    with pytest.raises(DataError, match="class3: of an earlier run with more classes; give anot"):
        average_classes(inputs, tmp_path, OPTIONS, 2)


def test_too_many_classes_after_merging(mixture, monkeypatch):
    poses = Poses(mixture.particles.rotations, np.zeros((32, 3)), np.ones(32))
    left = np.arange(31), poses[:31]
    monkeypatch.setattr("ssn3d.averaging.classify.align_everywhere", lambda *_: left)
    with pytest.raises(DataError, match="8 classes of 31 particles: 4 are needed in each"):
        classify(stack_of(mixture), mixture.map, 8, generator(0, "classes"))


def test_mixture_is_classified(mixture, ring, tomogram, tmp_path):
    picks = mixture.particles[:27]  # fewer rings than molecules
    twice = mixture.particles[np.r_[:27, 2:6]]
    write_particles(tmp_path / "picks.star", twice, "tomogram", VOXEL_ANGSTROM)
    command = ["average", str(tmp_path / "picks.star"), "--diameter", "150", "--rounds", "1"]
    command += ["--tomogram", str(tomogram / "tomogram.mrc"), "--classes", "2"]
    main([*command, "--max-shift", "10", "--box", str(SIZE), "--output", str(tmp_path / "new")])
    found = starfile.read(tmp_path / "new" / "particles.star")
    assert found["ssn3dPdbId"].tolist() == picks.pdb_ids.tolist()
    assert found["rlnClassNumber"].tolist() == [1, 2] * 13 + [1]
    counts = pd.read_csv(tmp_path / "new" / "classes.csv")
    assert counts.to_dict("list") == {"class": [1, 2], "particles": [14, 13]}
    maps = {"1": mixture.map, "2": -density_map(*ring, VOXEL_ANGSTROM, 40.0, size=SIZE)}
    for number, true in maps.items():
        folder = tmp_path / "new" / f"class{number}"
        assert {"half1.mrc", "half2.mrc", "fsc.csv", "average.png"} <= {
            path.name for path in folder.iterdir()
        }
        rows = pd.read_csv(folder / "particles.csv")["row"].to_numpy()
        assert (found["rlnClassNumber"].to_numpy()[rows - 1] == int(number)).all()
        volume = read_mrc(folder / "average.mrc")[0]
        radius = np.linalg.norm(np.indices(true.shape) - SIZE // 2, axis=0)  # blind to orientation
        profiles = [np.bincount(radius.astype(int).ravel(), m.ravel())[:10] for m in (volume, true)]
        assert np.corrcoef(profiles)[0, 1] > 0.9
