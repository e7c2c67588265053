"""RELION's convention: round trips, and angles against the definition of its matrix."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ssn3d.errors import DataError
from ssn3d.particles import Particles
from ssn3d.seeds import generator
from ssn3d.star import euler_from_rotations, read_particles, rotations_from_euler, write_particles


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
    return Particles(
        np.array(["1E10", "1KP8", "2GLS", "4V4Q"]),
        rng.uniform(-5, 600, (4, 3)),
        Rotation.random(4, rng=rng).as_matrix(),
    )


def test_angles_are_relions(particles):
    for angles, rotation in zip(
        euler_from_rotations(particles.rotations), particles.rotations, strict=True
    ):
        np.testing.assert_allclose(relion_matrix(*angles), rotation[::-1, ::-1], atol=1e-12)
    angles = euler_from_rotations(particles.rotations)
    np.testing.assert_allclose(rotations_from_euler(angles), particles.rotations, atol=1e-12)


def test_round_trip(particles, tmp_path):
    write_particles(tmp_path / "p.star", particles, "t1", 10.0)
    again = read_particles(tmp_path / "p.star")
    assert again.pdb_ids.tolist() == particles.pdb_ids.tolist()  # 1E10 is no number
    np.testing.assert_allclose(again.centres, particles.centres, atol=1e-5)
    np.testing.assert_allclose(again.rotations, particles.rotations, atol=1e-7)


def test_equal_particles_are_equal_files_with_a_checksum(particles, tmp_path):
    for name in ("one.star", "two.star"):
        write_particles(tmp_path / name, particles, "t1", 10.0)
    text = (tmp_path / "one.star").read_text()
    assert text == (tmp_path / "two.star").read_text()
    assert text.startswith("# ssn3d crc32 ")
    (tmp_path / "two.star").write_text(text.replace("1KP8", "1KP9"))
    with pytest.raises(DataError, match=r"two\.star: .*its checksum is wrong.*delete it and run"):
        read_particles(tmp_path / "two.star")
    mine = text.replace("1KP8", "1KP9").partition("\n")[2]  # edited by hand, and meant so
    (tmp_path / "mine.star").write_text(mine)
    assert "1KP9" in read_particles(tmp_path / "mine.star").pdb_ids


@pytest.mark.parametrize(
    "damage", ["", "data_particles\n\nloop_\n_rlnCoordinateX #1\n1.0\n", "nan"]
)
def test_damage_is_one_clear_line(damage, particles, tmp_path):
    path = tmp_path / "p.star"
    write_particles(path, particles, "t1", 10.0)
    if damage == "nan":
        first = f"{particles.centres[0, 2]:.6f}"
        damage = path.read_text().partition("\n")[2].replace(first, "nan")
        assert "nan" in damage
    path.write_text(damage)
    with pytest.raises(DataError, match=r"p\.star") as caught:
        read_particles(path)
    assert "\n" not in str(caught.value)
