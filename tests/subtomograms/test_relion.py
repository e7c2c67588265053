"""RELION averages exported subtomograms by our poses, and not by wrong ones."""

import shutil
import subprocess

import mrcfile
import numpy as np
import pytest
import starfile
from scipy.spatial.transform import Rotation

from datasets import particles_of, write_shard_of
from sections import section
from ssn3d.core.cubes import standardise
from ssn3d.core.seeds import generator
from ssn3d.microscope.ctf import ctf
from ssn3d.specimen.volume import Grid, posed_map
from ssn3d.structures.maps import density_map
from ssn3d.subtomograms.export import export_subtomograms

SIZE, COUNT = 32, 60
OPTICS = section("microscope").optics


def through_ctf(cube):
    """Multiply the spectrum of a cube by a CTF, which removes what all blobs share."""
    k = np.meshgrid(*(np.fft.fftfreq(SIZE, 10.0),) * 3, indexing="ij")
    contrast = ctf(np.sqrt(sum(axis**2 for axis in k)), OPTICS, 5.0)
    return np.fft.ifftn(np.fft.fftn(cube) * contrast).real.astype(np.float32)


def write_dataset(path, molecule, *, inverted=False):
    """Write subtomograms of one molecule at random poses, with noise; perhaps with wrong poses."""
    rng = generator(0, "relion")
    centres = 100 + rng.uniform(-0.5, 0.5, (COUNT, 3))
    rotations = Rotation.random(COUNT, rng=rng).as_matrix()
    images = np.empty((COUNT, SIZE, SIZE, SIZE), dtype=np.float16)
    for i in range(COUNT):
        volume = np.zeros((200, 200, 200), dtype=np.float32)
        corner, own = posed_map(molecule, centres[i], rotations[i], Grid(10.0, 40.0))
        volume[tuple(slice(c, c + len(own)) for c in corner)] = own
        cube = through_ctf(volume[84:116, 84:116, 84:116])
        noise = rng.standard_normal(cube.shape, dtype=np.float32) * cube.std()
        images[i] = standardise(cube + noise)
    written = rotations.transpose(0, 2, 1).copy() if inverted else rotations
    write_shard_of(path, images, particles=particles_of(centres, rotations=written))


def average(folder):
    """Average exported subtomograms with RELION."""
    command = ["relion_reconstruct", "--i", "particles.star", "--o", "average.mrc", "--3d_rot"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return mrcfile.read(folder / "average.mrc")


def move_cubes(folder, *, sign):
    """Shift each exported cube by some voxels about its particle, which does not move.

    The particle is at coordinate - origin / pixel: with sign 1 the origins follow the cubes, with
    -1 they move the other way.
    """
    blocks = starfile.read(folder / "particles.star", always_dict=True)
    table = blocks["particles"]
    moves = generator(0, "moves").integers(-3, 4, (len(table), 3))
    for name, move in zip(table["rlnImageName"], moves, strict=True):
        with mrcfile.open(folder / name, "r+") as mrc:
            mrc.set_data(np.roll(mrc.data, -move, axis=(0, 1, 2)))
    for axis, voxels in zip("ZYX", moves.T, strict=True):
        table[f"rlnCoordinate{axis}"] += voxels
        table[f"rlnOrigin{axis}Angst"] += sign * voxels * 10.0
    starfile.write(blocks, folder / "particles.star", overwrite=True)


@pytest.mark.skipif(not shutil.which("relion_reconstruct"), reason="RELION is not installed")
@pytest.mark.slow
def test_relion_averages_by_our_poses(molecule, tmp_path):
    expected = through_ctf(density_map(*molecule, 10.0, 40.0, size=SIZE))
    inside = ((np.indices((SIZE,) * 3) - SIZE // 2) ** 2).sum(axis=0) < 12**2
    correlation = {}
    for name in ("right", "right, moved", "inverted", "moved the other way"):
        folder = tmp_path / name
        write_dataset(tmp_path / "A.h5", molecule, inverted=name == "inverted")
        export_subtomograms([tmp_path / "A.h5"], ["1AAA"], folder, OPTICS)
        if "moved" in name:
            move_cubes(folder, sign=1 if name == "right, moved" else -1)
        averaged = average(folder)
        correlation[name] = np.corrcoef(averaged[inside], expected[inside])[0, 1]
        correlation[f"{name}, mirrored"] = np.corrcoef(
            averaged[:, :, ::-1][:, :, np.r_[-1, 0 : SIZE - 1]][inside], expected[inside]
        )[0, 1]
    right = [correlation.pop(name) for name in ("right", "right, moved")]
    assert min(right) > 0.9
    assert max(correlation.values()) < 0.8
