"""Picked particles: the target of each, and which voxel is whose."""

import mrcfile
import numpy as np
import pytest

from own_tomograms import Dark, dark_spheres, spheres, write_tomogram
from ssn3d.core.errors import DataError
from ssn3d.io.tomogram import open_tomogram
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.instances import segment_targets, write_instances, write_masked

CENTRES_ANGSTROM = np.array([[160.0, 160, 180], [160, 300, 180], [24, 420, 400]])
RADIUS_ANGSTROM = 50


def give_tomogram(folder, voxel_size, sign=1):
    shape = tuple(round(edge / voxel_size) for edge in (320, 480, 480))
    centres, radius = CENTRES_ANGSTROM / voxel_size, RADIUS_ANGSTROM / voxel_size
    volume = sign * dark_spheres(shape, centres, radius, noise=0.02)
    tomogram = open_tomogram(
        write_tomogram(folder / "t.mrc", volume, voxel_size),
        protein="dark" if sign == 1 else "bright",
    )
    return tomogram, centres, [spheres(shape, [centre], radius) for centre in centres]


def segment(tomogram, centres, size_voxels):
    return segment_targets(
        tomogram, centres, Dark(), Compute.pick("cpu", "float32"),
        voxel_size_angstrom=10.0, size_voxels=size_voxels, threshold=0.5,
    )  # fmt: skip


@pytest.mark.parametrize(("voxel_size", "sign"), [(10.0, 1), (7.0, -1), (14.0, 1)])
def test_instances_on_tomogram_grid(tmp_path, voxel_size, sign):
    """Cubes of 24 voxels reach into neighbours; each voxel is the nearer centre's."""
    tomogram, centres, masks = give_tomogram(tmp_path, voxel_size, sign)
    targets = segment(tomogram, centres, 24)
    path = write_instances(tomogram, targets, tmp_path / "out")
    with mrcfile.open(path) as mrc:
        assert mrc.data.dtype == np.uint16
        assert mrc.header.origin.tolist() == (100.0, 200.0, 300.0)
        np.testing.assert_array_equal(mrc.data, targets.instances)
    for row, mask in enumerate(masks):
        found = targets.instances == row + 1
        assert found.sum() == targets.voxels[row]
        assert (found & mask).sum() / (found | mask).sum() > 0.85, row


def test_masked_subtomograms(tmp_path):
    tomogram, centres, _ = give_tomogram(tmp_path, 14.0, -1)
    targets = segment(tomogram, centres, 24)
    folder = write_masked(tomogram, centres, targets, tmp_path / "out", 240.0)
    assert [path.name for path in sorted(folder.iterdir())] == [f"0000{i}.mrc" for i in (1, 2, 3)]
    for row, path in enumerate(sorted(folder.iterdir())):
        cube = mrcfile.read(path)
        assert cube.shape == (18, 18, 18)
        assert (cube != 0).sum() == targets.voxels[row]
        assert cube[9, 9, 9] < -1
        assert cube.max() <= 0
    write_masked(tomogram, centres[:2], targets, tmp_path / "out", 240.0)
    assert [path.name for path in sorted(folder.iterdir())] == ["00001.mrc", "00002.mrc"]


def test_picks_outside_are_refused(tmp_path):
    tomogram, centres, _ = give_tomogram(tmp_path, 10.0)
    centres[1] = 10, 48.2, 5
    with pytest.raises(DataError, match=r"particle 2 at x 5\.0, y 48\.2, z 10\.0 and 0 more"):
        segment(tomogram, centres, 24)
