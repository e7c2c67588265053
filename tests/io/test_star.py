"""RELION's convention: round trips, and angles against the definition of its matrix."""

import hypothesis
import numpy as np
import pytest
import starfile
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from datasets import particles_of
from ssn3d.core.cubes import crop_corners
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.particles.simulated import (
    euler_from_rotations,
    read_particles,
    rotations_from_euler,
    write_particles,
    write_subtomograms_star,
)

# All different from config.yaml.
OPTICS = {"voltage_kv": 200.0, "cs_mm": 2.7, "defocus_um": 3.0, "amplitude_contrast": 0.1}


def relion_matrix(rot, tilt, psi):
    """Coordinate (x, y, z) matrix of RELION's angles: frame turned about z, then y, then z."""
    a, b, g = np.deg2rad([rot, tilt, psi])

    def about_z(t):
        return np.array([[np.cos(t), np.sin(t), 0], [-np.sin(t), np.cos(t), 0], [0, 0, 1]])

    about_y = np.array([[np.cos(b), 0, -np.sin(b)], [0, 1, 0], [np.sin(b), 0, np.cos(b)]])
    return about_z(g) @ about_y @ about_z(a)


@pytest.fixture
def particles():
    rng = generator(0, "star")
    centres, rotations = rng.uniform(-5, 600, (4, 3)), Rotation.random(4, rng=rng).as_matrix()
    return particles_of(centres, ["1E10", "1KP8", "2GLS", "4V4Q"], rotations)


def test_angles_match_relion(particles):
    for angles, rotation in zip(
        euler_from_rotations(particles.rotations), particles.rotations, strict=True
    ):
        np.testing.assert_allclose(relion_matrix(*angles), rotation[::-1, ::-1], atol=1e-12)
    angles = euler_from_rotations(particles.rotations)
    np.testing.assert_allclose(rotations_from_euler(angles), particles.rotations, atol=1e-12)


def relion_positions_zyx(path, pixel_angstrom):
    """Return the positions that RELION sees: coordinate - origin / pixel size, for each axis."""
    table = starfile.read(path, always_dict=True)["particles"]
    columns = [
        table[f"rlnCoordinate{axis}"] - table[f"rlnOrigin{axis}Angst"] / pixel_angstrom
        for axis in "ZYX"
    ]
    return np.stack(columns, axis=1)


POSITION = st.one_of(
    st.floats(-3000, 3000, width=64),
    st.integers(-20, 20).map(lambda n: n / 2),  # between two voxels
)


@hypothesis.settings(max_examples=20)
@hypothesis.given(
    positions=st.lists(st.tuples(POSITION, POSITION, POSITION), min_size=1, max_size=20),
    pixel=st.sampled_from([1.35, 10.0]),
)
def test_export_positions_match_relion(positions, pixel, tmp_path_factory):
    path = tmp_path_factory.mktemp("export") / "particles.star"
    centres, size = np.array(positions), 32
    rotations = Rotation.random(len(centres), rng=generator(0, "r")).as_matrix()
    export(path, particles_of(centres, rotations=rotations), size, pixel)
    np.testing.assert_allclose(relion_positions_zyx(path, pixel), centres, rtol=0, atol=1e-3)
    table = starfile.read(path, always_dict=True)["particles"]
    coordinates = table[["rlnCoordinateZ", "rlnCoordinateY", "rlnCoordinateX"]].to_numpy()
    assert (coordinates == np.round(coordinates)).all()
    # the middle of the cube as it is cut
    np.testing.assert_array_equal(crop_corners(centres, size) + size // 2, coordinates)


def export(path, particles, size, pixel):
    count = len(particles)
    names = {"tomograms": [f"t{i}" for i in range(count)], "image_names": ["a.mrc"] * count}
    write_subtomograms_star(
        path, particles, size_voxels=size, voxel_size_angstrom=pixel, optics=OPTICS, **names
    )


def test_export_angles_and_optics(particles, tmp_path):
    export(tmp_path / "p.star", particles, 36, 13.5)
    blocks = starfile.read(tmp_path / "p.star", always_dict=True, parse_as_string=["ssn3dPdbId"])
    optics, table = blocks["optics"], blocks["particles"]
    assert optics.to_dict("list") == {
        "rlnOpticsGroup": [1],
        "rlnOpticsGroupName": ["opticsGroup1"],
        "rlnImagePixelSize": [13.5],
        "rlnImageSize": [36],
        "rlnImageDimensionality": [3],
        "rlnVoltage": [200.0],
        "rlnSphericalAberration": [2.7],
        "rlnAmplitudeContrast": [0.1],
    }
    assert table["rlnOpticsGroup"].tolist() == [1] * 4
    assert table["rlnImageName"].tolist() == ["a.mrc"] * 4
    assert table["rlnMicrographName"].tolist() == ["t0", "t1", "t2", "t3"]
    assert table["ssn3dPdbId"].tolist() == particles.pdb_ids.tolist()
    angles = table[["rlnAngleRot", "rlnAngleTilt", "rlnAnglePsi"]].to_numpy()
    for row, rotation in zip(angles, particles.rotations, strict=True):
        np.testing.assert_allclose(relion_matrix(*row), rotation[::-1, ::-1], atol=1e-7)


def test_simulated_particles_are_in_voxels(particles, tmp_path):
    write_particles(tmp_path / "p.star", particles, "t7", 13.5)
    blocks = starfile.read(tmp_path / "p.star", always_dict=True)
    table = blocks["particles"]
    for axis, name in enumerate("ZYX"):
        found = table[f"rlnCoordinate{name}"]
        np.testing.assert_allclose(found, particles.centres[:, axis], atol=1e-5)
    assert not [column for column in table if "Origin" in column]
    assert table["ssn3dLabel"].tolist() == [1, 2, 3, 4]
    assert set(table["rlnMicrographName"]) == {"t7"}
    assert set(table["rlnOpticsGroup"]) == {1}
    assert blocks["optics"].iloc[0].to_dict() == {
        "rlnOpticsGroup": 1, "rlnOpticsGroupName": "opticsGroup1", "rlnImagePixelSize": 13.5
    }  # fmt: skip


def test_round_trip(particles, tmp_path):
    path = tmp_path / "p.star"
    write_particles(path, particles, "t1", 10.0)
    again, text = read_particles(path), path.read_text()
    assert again.pdb_ids.tolist() == particles.pdb_ids.tolist()  # 1E10 is not a number
    np.testing.assert_allclose(again.centres, particles.centres, atol=1e-5)
    np.testing.assert_allclose(again.rotations, particles.rotations, atol=1e-7)
    write_particles(path, particles, "t1", 10.0)
    assert path.read_text() == text


def test_ids_like_numbers(tmp_path):
    """As in a file whose particles are all 1E10, or one that was edited by hand."""
    quarter_turns = Rotation.from_euler("ZYZ", [[90, 90, 0]] * 2, degrees=True).as_matrix()
    alone = particles_of([[7, 7, 7]] * 2, "1E10", quarter_turns)
    path = tmp_path / "p.star"
    write_particles(path, alone, "t1", 10.0)
    path.write_text(path.read_text().replace(".000000", ""))
    again = read_particles(path)
    assert again.pdb_ids.tolist() == ["1E10", "1E10"]
    assert again.pdb_ids.dtype.kind == "U"
    assert again.centres.dtype == again.rotations.dtype == np.float64
    np.testing.assert_array_equal(again.centres, alone.centres)


@pytest.mark.parametrize("damage", ["", "data_particles\n\nloop_\n_rlnCoordinateX #1\n1.0\n"])
def test_damage_is_one_line(damage, tmp_path):
    path = tmp_path / "p.star"
    path.write_text(damage)
    for name in ("p.star", "missing.star"):
        with pytest.raises(DataError, match=rf"{name}: not a particle.*; delete it"):
            read_particles(tmp_path / name)


@pytest.mark.parametrize("column", ["rlnCoordinateX", "rlnAngleTilt", "ssn3dLabel"])
def test_nan_and_wrong_labels_are_refused(column, particles, tmp_path):
    path = tmp_path / "p.star"
    write_particles(path, particles, "t1", 10.0)
    blocks = starfile.read(path, always_dict=True)
    blocks["particles"][column] = [1, 2, 4, 3] if column == "ssn3dLabel" else [1.0, 2, 3, np.nan]
    starfile.write(blocks, path, overwrite=True)
    with pytest.raises(DataError, match=r"p\.star: coordinates, angles or labels are damaged"):
        read_particles(path)
