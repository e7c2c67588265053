"""Random shapes: reproducible, symmetric, connected, of the drawn mass, diverse."""

import hashlib

import numpy as np
import pytest
from beads import assert_symmetric, connected_density
from scipy import stats

from sections import section
from ssn3d.core.point_groups import point_group
from ssn3d.io.files import read_json
from ssn3d.structures import random_shapes
from ssn3d.structures.ids import MOST_RANDOM, PDB_ID, ids_in_tomogram, random_ids
from ssn3d.structures.random_shapes import random_shape
from ssn3d.structures.scattering import NUCLEIC_ACID_CONTRAST
from ssn3d.structures.steps import prepare_structures
from ssn3d.structures.structure import read_structure

RANGE = (2e4, 1e6)
IDS = random_ids(40)


@pytest.fixture(scope="module")
def shapes():
    return {pdb_id: random_shape(pdb_id, 7, RANGE) for pdb_id in IDS}


def digest(structure):
    arrays = structure.points_angstrom, structure.masses_dalton
    return hashlib.sha256(b"".join(array.tobytes() for array in arrays)).hexdigest()


def test_seed_and_id_determine_the_shape(shapes):
    digests = {digest(structure) for structure, _ in shapes.values()}
    assert len(digests) == len(IDS)
    for pdb_id in IDS[:4]:
        assert digest(random_shape(pdb_id, 7, RANGE)[0]) == digest(shapes[pdb_id][0])
        assert digest(random_shape(pdb_id, 8, RANGE)[0]) not in digests


def test_mass(shapes):
    for structure, shape in shapes.values():
        assert structure.unit == "random"
        assert structure.mass_dalton == pytest.approx(shape.mass_dalton, rel=1e-5)


def test_masses_span_the_range_logarithmically(shapes):
    log_masses = np.log([shape.mass_dalton for _, shape in shapes.values()])
    low, high = np.log(RANGE)
    assert stats.kstest((log_masses - low) / (high - low), "uniform").pvalue > 0.05
    assert random_shape("0R00", 7, (3e5, 3e5))[1].mass_dalton == pytest.approx(3e5)


def test_points_have_the_point_group(shapes):
    groups = {shape.point_group for _, shape in shapes.values()}
    assert len(groups) > 5
    for structure, shape in shapes.values():
        assert_symmetric(structure, point_group(shape.point_group))


@pytest.mark.parametrize("symbol", ["C12", "D7", "T", "O", "I"])
def test_large_point_groups(symbol, monkeypatch):
    monkeypatch.setattr(random_shapes, "_GROUPS", {symbol: 1.0})
    for pdb_id in IDS[:3]:
        structure, shape = random_shape(pdb_id, 1, (5e5, 8e5))
        assert shape.point_group == symbol
        assert_symmetric(structure, point_group(symbol))


def test_connected_and_dense(shapes):
    for structure, shape in shapes.values():
        assert structure.masses_dalton[0] == pytest.approx(110, rel=0.15)
        assert 0.55 < connected_density(structure) * shape.angstrom3_per_dalton / 1.21 < 1.15


def test_fillings_and_forms_differ(shapes):
    drawn = [shape for _, shape in shapes.values()]
    assert {shape.form for shape in drawn} == {*random_shapes._FORMS}
    fillings = [shape.filling for shape in drawn]
    assert min(fillings) > 0.02
    assert max(fillings) < 0.75
    assert np.quantile(fillings, 0.9) > 3 * np.quantile(fillings, 0.1)
    for structure, shape in shapes.values():
        reach = np.linalg.norm(structure.points_angstrom, axis=1).max() + 2.5
        volume = shape.mass_dalton * shape.angstrom3_per_dalton
        assert shape.filling == pytest.approx(volume / (4 / 3 * np.pi * reach**3), rel=0.02)


@pytest.mark.parametrize(("form", "axes"), [("shell", [0, 1, 2]), ("barrel", [1, 2])])
def test_hollow_forms(form, axes, monkeypatch):
    """Most have a cavity; domains in the wall may close some."""
    monkeypatch.setattr(random_shapes, "_FORMS", {form: 1.0})
    monkeypatch.setattr(random_shapes, "_GROUPS", {"C6": 0.5, "D3": 0.5})
    shapes = [random_shape(pdb_id, 3, (4e5, 8e5))[0] for pdb_id in IDS[:10]]
    nearest = [np.linalg.norm(each.points_angstrom[:, axes], axis=1).min() for each in shapes]
    assert np.median(nearest) > 10


def test_nucleic_acid_is_denser_and_of_higher_contrast(shapes):
    rich = {pdb_id: s for pdb_id, (_, s) in shapes.items() if s.nucleic_fraction}
    assert 4 <= len(rich) <= 16
    for pdb_id, shape in list(rich.items())[:3]:
        by_scattering, _ = random_shape(pdb_id, 7, RANGE, "scattering")
        factor = 1 + shape.nucleic_fraction * (NUCLEIC_ACID_CONTRAST - 1)
        assert by_scattering.mass_dalton == pytest.approx(factor * shape.mass_dalton, rel=1e-5)
        assert digest(by_scattering) != digest(shapes[pdb_id][0])
        assert shape.angstrom3_per_dalton < 1.14
        assert "nucleic acid" in str(shape)


def test_ids():
    every = random_ids(MOST_RANDOM)
    assert len(set(every)) == MOST_RANDOM
    assert all(PDB_ID.fullmatch(pdb_id) for pdb_id in every)
    assert (every[0], every[-1]) == ("0R00", "0Z99")


def test_structures_of_a_tomogram():
    every = ["1KP8", *random_ids(300)]
    assert ids_in_tomogram(every, None, "1KP8", 1, "t1") == every
    drawn = [ids_in_tomogram(every, [5, 9], "0T07", 1, f"t{i}") for i in range(60)]
    assert {len(ids) for ids in drawn} == {5, 6, 7, 8, 9}
    assert all("0T07" in ids and len(set(ids)) == len(ids) for ids in drawn)
    assert all(ids == [i for i in every if i in ids] for ids in drawn)
    assert drawn[3] == ids_in_tomogram(every, [5, 9], "0T07", 1, "t3")
    assert drawn[3] != ids_in_tomogram(every, [5, 9], "0T07", 2, "t3")
    assert len({pdb_id for ids in drawn for pdb_id in ids}) > 150
    assert ids_in_tomogram(every[:3], 3, "0R00", 1, "t1") == every[:3]
    targets = [every[2], every[7]]
    searched = ids_in_tomogram(every, 4, "any", 1, "t1", targets=targets)
    assert set(targets) < set(searched)
    assert len(searched) == 4
    assert len(ids_in_tomogram(every, 1, "any", 1, "t1")) == 1
    assert ids_in_tomogram(every, 1, "any", 1, "t1", targets=targets) == targets


@pytest.mark.parametrize("ids", [[], ["1KP8"]])
def test_files_beside_real_structures(tmp_path, repository, ids):
    random = {"count": 3, "mass_dalton": [2e4, 5e4]}
    settings = section("structures", source="surrogate", random=random)
    prepare_structures(ids, settings, 5, repository / "resources", tmp_path)
    assert {path.stem for path in tmp_path.iterdir()} == {*ids, "0R00", "0R01", "0R02"}
    structure, shape = random_shape("0R02", 5, (2e4, 5e4))
    assert digest(read_structure(tmp_path / "0R02.npz")) == digest(structure)
    record = read_json(tmp_path / "0R02.json")
    assert (record["source"], record["unit"], record["note"]) == ("random", "random", str(shape))
