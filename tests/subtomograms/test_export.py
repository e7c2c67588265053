"""Exported images agree with their STAR file, and RELION averages them by our poses."""

import json
import shutil
import subprocess

import h5py
import mrcfile
import numpy as np
import pytest
import starfile
from scipy.spatial.transform import Rotation

from datasets import particles_of, write_shard_of
from sections import changed, section
from ssn3d.core.cubes import standardise
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.microscope.ctf import ctf
from ssn3d.specimen.volume import Grid, posed_map
from ssn3d.structures.maps import density_map
from ssn3d.subtomograms.export import export_subtomograms
from ssn3d.subtomograms.extract import cut

SIZE, PIXEL = 16, 12.5
OPTICS = changed(section("microscope").optics, voltage_kv=200.0, cs_mm=2.7, amplitude_contrast=0.1)
CENTRES = np.array([[12.4, 15.7, 19.1], [20.45, 10.6, 30.0], [15.0, 20.3, 22.6]])


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Blobs at known places of a tomogram, cut out like all subtomograms."""
    folder = tmp_path_factory.mktemp("dataset")
    z, y, x = np.indices((36, 40, 44))
    images = np.empty((3, SIZE, SIZE, SIZE), np.float16)
    rotations = Rotation.random(3, rng=generator(0, "export")).as_matrix()
    particles = Particles(np.array(["1AAA", "2BBB", "1AAA"]), CENTRES, rotations)
    for i, (cz, cy, cx) in enumerate(CENTRES):
        blob = -np.exp(-((z - cz) ** 2 + (y - cy) ** 2 + (x - cx) ** 2) / 4).astype(np.float32)
        ((images[i], _),) = cut(blob, np.zeros(blob.shape, np.uint16), particles[[i]], [1], SIZE)
    return [
        write_shard_of(
            folder / f"{tomogram}.h5",
            images[rows],
            particles=particles[rows],
            labels=np.array(labels),
            voxel_size_angstrom=PIXEL,
        )
        for tomogram, rows, labels in (("t1", slice(2), [7, 8]), ("t2", slice(2, 3), [7]))
    ]


def test_particles_off_their_cubes_are_refused(dataset, tmp_path):
    """Their shard does not say where the cubes are."""
    with h5py.File(shutil.copy(dataset[0], tmp_path / "off.h5"), "a") as file:
        file.attrs["provenance"] = json.dumps({"settings": {"centre_error_angstrom": 10.0}})
    with pytest.raises(DataError, match=r"off\.h5: its particles are off .*centre_error_angstrom"):
        export_subtomograms([tmp_path / "off.h5"], ["1AAA"], tmp_path, OPTICS)


def test_particle_is_at_coordinate_and_origin(dataset, tmp_path):
    star = export_subtomograms(dataset, ["1AAA"], tmp_path, OPTICS)
    assert star == tmp_path / "particles.star"
    blocks = starfile.read(star, always_dict=True)
    table = blocks["particles"]
    assert table["rlnImageName"].tolist() == [
        "subtomograms/t1_00007.mrc",
        "subtomograms/t2_00007.mrc",
    ]
    assert table["rlnMicrographName"].tolist() == ["t1", "t2"]
    for (_, row), centre in zip(table.iterrows(), CENTRES[[0, 2]], strict=True):
        with mrcfile.open(tmp_path / row["rlnImageName"]) as mrc:
            image, pixel = mrc.data.astype(float), float(mrc.voxel_size.x)
        assert (image.shape, pixel) == ((SIZE,) * 3, PIXEL)
        weight = image.max() - image  # protein is dark
        weight[weight < 0.05 * weight.max()] = 0
        found = [
            (np.arange(SIZE) * weight.sum(axis=axes)).sum() / weight.sum()
            for axes in ((1, 2), (0, 2), (0, 1))
        ]
        for axis, name in enumerate("ZYX"):
            offset = -row[f"rlnOrigin{name}Angst"] / PIXEL
            assert found[axis] == pytest.approx(SIZE // 2 + offset, abs=0.03)
            assert row[f"rlnCoordinate{name}"] + offset == pytest.approx(centre[axis], abs=1e-3)


def test_optics(dataset, tmp_path):
    star = export_subtomograms(dataset, ["1AAA", "2BBB"], tmp_path, OPTICS)
    blocks = starfile.read(star, always_dict=True)
    columns = ["rlnVoltage", "rlnSphericalAberration", "rlnAmplitudeContrast", "rlnImageSize"]
    assert blocks["optics"][columns].iloc[0].tolist() == [200.0, 2.7, 0.1, SIZE]
    assert blocks["particles"]["ssn3dPdbId"].tolist() == ["1AAA", "2BBB", "1AAA"]
    assert len(list((tmp_path / "subtomograms").iterdir())) == 3


def test_datasets_with_equal_tomograms_are_refused(dataset, tmp_path):
    """Their images would have the same names."""
    images = np.zeros((1, SIZE, SIZE, SIZE), np.float16)
    other = write_shard_of(tmp_path / "t1.h5", images, voxel_size_angstrom=PIXEL, dataset="B")
    with pytest.raises(DataError, match="datasets A, B; export one at a time"):
        export_subtomograms([*dataset, other], ["1AAA"], tmp_path / "out", OPTICS)
    assert not (tmp_path / "out").exists()


def test_missing_structure(dataset, tmp_path):
    with pytest.raises(DataError, match=r"t1\.h5: no subtomogram of 9ZZZ; it has 1AAA, 2BBB$"):
        export_subtomograms(dataset, ["9ZZZ"], tmp_path / "out", OPTICS)
    assert not (tmp_path / "out").exists()


BOX, COUNT = 32, 60
MICROSCOPE = section("microscope").optics


def through_ctf(cube):
    """Multiply the spectrum of a cube by a CTF, which removes what all blobs share."""
    k = np.meshgrid(*(np.fft.fftfreq(BOX, 10.0),) * 3, indexing="ij")
    contrast = ctf(np.sqrt(sum(axis**2 for axis in k)), MICROSCOPE, 5.0)
    return np.fft.ifftn(np.fft.fftn(cube) * contrast).real.astype(np.float32)


def write_dataset(path, molecule, *, inverted=False):
    """Write subtomograms of one molecule at random poses, with noise; perhaps with wrong poses."""
    rng = generator(0, "relion")
    centres = 100 + rng.uniform(-0.5, 0.5, (COUNT, 3))
    rotations = Rotation.random(COUNT, rng=rng).as_matrix()
    images = np.empty((COUNT, BOX, BOX, BOX), dtype=np.float16)
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
    expected = through_ctf(density_map(*molecule, 10.0, 40.0, size=BOX))
    inside = ((np.indices((BOX,) * 3) - BOX // 2) ** 2).sum(axis=0) < 12**2
    correlation = {}
    for name in ("right", "right, moved", "inverted", "moved the other way"):
        folder = tmp_path / name
        write_dataset(tmp_path / "A.h5", molecule, inverted=name == "inverted")
        export_subtomograms([tmp_path / "A.h5"], ["1AAA"], folder, MICROSCOPE)
        if "moved" in name:
            move_cubes(folder, sign=1 if name == "right, moved" else -1)
        averaged = average(folder)
        correlation[name] = np.corrcoef(averaged[inside], expected[inside])[0, 1]
        correlation[f"{name}, mirrored"] = np.corrcoef(
            averaged[:, :, ::-1][:, :, np.r_[-1, 0 : BOX - 1]][inside], expected[inside]
        )[0, 1]
    right = [correlation.pop(name) for name in ("right", "right, moved")]
    assert min(right) > 0.9
    assert max(correlation.values()) < 0.8
