"""Exported images agree with their STAR file: pixels, header and names."""

import mrcfile
import numpy as np
import pytest
import starfile
from scipy.spatial.transform import Rotation

from datasets import write_shard_of
from sections import changed, section
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
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


def test_missing_structure(dataset, tmp_path):
    with pytest.raises(DataError, match=r"t1\.h5: no subtomogram of 9ZZZ; it has 1AAA, 2BBB$"):
        export_subtomograms(dataset, ["9ZZZ"], tmp_path / "out", OPTICS)
    assert not (tmp_path / "out").exists()
