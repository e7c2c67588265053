"""Structures are read as they were written, or refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from ssn3d.core.errors import StructureError
from ssn3d.io.files import sha256_of
from ssn3d.structures.structure import (
    Structure,
    read_structure,
    structure_from_points,
    write_structure,
)

POINTS = np.array([[0, 0, 30], [0, 0, -30], [10, 5, 0], [-10, -5, 0]], dtype=np.float32)
MASSES = np.full(4, 110, dtype=np.float32)


@pytest.fixture(name="structure")
def give_structure():
    return Structure("1ABC", POINTS, MASSES, "deposited")


def test_round_trip(tmp_path, structure):
    write_structure(tmp_path / "1ABC.npz", structure)
    again = read_structure(tmp_path / "1ABC.npz")
    assert (again.pdb_id, again.unit) == ("1ABC", "deposited")
    np.testing.assert_array_equal(again.points_angstrom, POINTS)
    np.testing.assert_array_equal(again.masses_dalton, MASSES)
    assert again.mass_dalton == 440


def test_same_structure_same_bytes(tmp_path, structure):
    for name in ("one.npz", "two.npz"):
        write_structure(tmp_path / name, structure)
    assert sha256_of(tmp_path / "one.npz") == sha256_of(tmp_path / "two.npz")


@given(
    points=hnp.arrays(np.float64, (5, 3), elements=st.floats(-1000, 1000)),
    masses=hnp.arrays(np.float64, 5, elements=st.floats(1, 1000)),
)
@settings(max_examples=50, deadline=None)
def test_centred_on_centre_of_mass(points, masses):
    points[0], points[1] = points[1] + 50, points[1]  # some extent
    structure = structure_from_points("1ABC", points, masses, "deposited")
    np.testing.assert_allclose(
        structure.points_angstrom[1:] - structure.points_angstrom[0],
        points[1:] - points[0],
        atol=1e-3,
    )


BAD = {
    "NaN": ({"points_angstrom": POINTS * np.float32("nan")}, "NaN or infinite"),
    "far off": ({"points_angstrom": POINTS * np.float32(1e4)}, "absurd"),
    "one point": ({"points_angstrom": POINTS * np.float32(0)}, "in one place"),
    "off centre": ({"points_angstrom": POINTS + np.float32(1)}, "centre of mass"),
    "no mass": ({"masses_dalton": MASSES * np.float32(0)}, "positive"),
    "other length": ({"masses_dalton": MASSES[1:]}, "shape"),
    "two columns": ({"points_angstrom": POINTS[:, 1:]}, "shape"),
    "empty": ({"points_angstrom": POINTS[:0], "masses_dalton": MASSES[:0]}, "in one place"),
    "float64": ({"points_angstrom": POINTS.astype(np.float64)}, "float32"),
}


@pytest.mark.parametrize("name", BAD)
def test_wrong_numbers_are_refused(tmp_path, name):
    change, expected = BAD[name]
    arrays = {"points_angstrom": POINTS, "masses_dalton": MASSES, "pdb_id": "1ABC", "unit": "u"}
    np.savez(tmp_path / "bad.npz", **(arrays | change))
    with pytest.raises(StructureError, match=rf"bad\.npz: .*{expected}"):
        read_structure(tmp_path / "bad.npz")


def test_damaged_file_is_refused(tmp_path, structure):
    path = tmp_path / "1ABC.npz"
    write_structure(path, structure)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(StructureError, match="delete it and rerun"):
        read_structure(path)
    with pytest.raises(StructureError, match="no such file"):
        read_structure(tmp_path / "other.npz")
