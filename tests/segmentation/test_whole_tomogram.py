"""Whole tomograms of one's own: any voxel size and contrast, and the tomogram's own grid."""

import mrcfile
import numpy as np
import pytest
from scipy import ndimage

from disks import little_room
from own_tomograms import Dark, FiveClasses, dark_spheres, spheres, write_tomogram
from ssn3d.core.classes import CLASSES, MACROMOLECULE, MEMBRANE, OTHER, are_class_labels
from ssn3d.core.errors import DataError, WriteError
from ssn3d.core.seeds import generator
from ssn3d.io.tomogram import open_tomogram
from ssn3d.measure.slab import Face, Slab
from ssn3d.measure.vacuum import Vacuum
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.tiles import predict_cubes
from ssn3d.segmentation.inference.whole_tomogram import segment_tomogram

CENTRES_ANGSTROM = np.array([[200, 160, 180], [220, 420, 400], [300, 180, 500]])
RADIUS_ANGSTROM = 60


def segment(tomogram, folder, threshold=0.5):
    return segment_tomogram(
        tomogram, Dark(), Compute.pick("cpu", "float32"), folder,
        voxel_size_angstrom=10.0, threshold=threshold,
    )  # fmt: skip


def sized(voxel_size):
    """Shape, centres and radius in voxels of this size."""
    shape = tuple(round(edge / voxel_size) for edge in (480, 560, 640))
    return shape, CENTRES_ANGSTROM / voxel_size, RADIUS_ANGSTROM / voxel_size


@pytest.mark.parametrize(("voxel_size", "sign"), [(10.0, 1), (10.0, -1), (6.7, 1), (16.0, -1)])
def test_spheres_on_tomogram_grid(tmp_path, voxel_size, sign):
    shape, centres, radius = sized(voxel_size)
    volume = sign * dark_spheres(shape, centres, radius, noise=0.05)
    tomogram = open_tomogram(write_tomogram(tmp_path / "my.tomo.mrc", volume, voxel_size))
    found = segment(tomogram, tmp_path / "out")
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "my.tomo_probability.mrc", "my.tomo_labels.mrc"
    }  # fmt: skip
    with mrcfile.open(found.labels) as mrc, mrcfile.open(found.probability) as probability:
        truth, labels = spheres(shape, centres, radius), mrc.data == 1
        assert (truth & labels).sum() / (truth | labels).sum() > 0.9
        assert (labels == (probability.data >= 0.5)).all()
        assert found.fraction == pytest.approx(labels.mean())
        assert found.highest == probability.data.max()
        for header in (mrc.header, probability.header):
            assert header.cella.x / header.mx == pytest.approx(voxel_size)
            assert header.origin.tolist() == (100.0, 200.0, 300.0)
            assert header.nxstart == -7


def test_thin_tomogram_is_mirrored(tmp_path):
    shape, centres = (16, 56, 64), np.array([[8, 20, 20], [7, 36, 44]])
    volume = dark_spheres(shape, centres, 6, noise=0.05)
    found = segment(open_tomogram(write_tomogram(tmp_path / "t.mrc", volume)), tmp_path)
    truth, labels = spheres(shape, centres, 6), mrcfile.read(found.labels) == 1
    assert (truth & labels).sum() / (truth | labels).sum() > 0.9


def test_thinner_tomogram_is_refused(tmp_path):
    shape, centres, radius = sized(10.0)
    path = write_tomogram(tmp_path / "t.mrc", dark_spheres(shape, centres, radius), 1.2)
    with pytest.raises(DataError, match=r"t\.mrc: 9x8x7 voxels .*--voxel-size"):
        segment(open_tomogram(path), tmp_path)


@pytest.mark.parametrize("fill", [0.0, -0.02, 7.0])
def test_padding_is_ignored(tmp_path, fill):
    """Around the data, as if it was not there; within them, probabilities of 0."""
    shape, centres, radius = sized(10.0)
    inner = dark_spheres(shape, centres, radius, noise=0.05)
    plain = segment(open_tomogram(write_tomogram(tmp_path / "plain.mrc", inner)), tmp_path)
    volume = np.full(np.add(shape, (9, 1, 20)), np.float32(fill))
    part = np.s_[4:-5, 1:, 10:-10]
    volume[part] = inner
    padded = segment(open_tomogram(write_tomogram(tmp_path / "padded.mrc", volume)), tmp_path)
    probability = mrcfile.read(padded.probability)
    np.testing.assert_allclose(probability[part], mrcfile.read(plain.probability), atol=1e-4)
    probability[part] = 0
    assert not probability.any()
    volume[20:30] = fill
    holed = segment(open_tomogram(write_tomogram(tmp_path / "holed.mrc", volume)), tmp_path)
    assert not mrcfile.read(holed.probability)[20:30].any()


def five_classes(tomogram, folder, network=None, **options):
    return segment_tomogram(
        tomogram, network or FiveClasses(), Compute.pick("cpu", "float32"), folder,
        voxel_size_angstrom=10.0, threshold=0.5, classes=CLASSES, standardised="tomogram",
        **options,
    )  # fmt: skip


def specimen(shape, voxel_size=10.0):
    """Give noise with two particles, a sheet and a bead, and the map of their classes."""
    rng = generator(0, "specimen")
    noise = ndimage.gaussian_filter(rng.standard_normal(shape, np.float32), 0.5 * 10 / voxel_size)
    volume, classes = 0.1 * noise / noise.std(), np.zeros(shape, np.int8)
    scale = 10 / voxel_size
    classes[:, int(45 * scale) : int(50 * scale)] = MEMBRANE
    for x in (15, 45):
        classes[spheres(shape, np.array([[20, 20, x]]) * scale, 7 * scale)] = MACROMOLECULE
    classes[spheres(shape, np.array([[20, 25, 70]]) * scale, 4 * scale)] = OTHER
    contrast = np.array([0, -0.6, -0.2, 0, -9])
    return (volume + contrast[classes]).astype(np.float32), classes


@pytest.mark.parametrize(("voxel_size", "names"), [(10.0, CLASSES), (7.5, ("membrane",))])
def test_five_classes(tmp_path, names, voxel_size):
    volume, classes = specimen(tuple(int(n * 10 / voxel_size) for n in (40, 56, 80)), voxel_size)
    tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", volume, voxel_size), protein="dark")
    found = five_classes(tomogram, tmp_path / "out", others=names)
    others = {f"t_{name}_probability.mrc" for name in names if CLASSES.index(name) > MACROMOLECULE}
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {"t_probability.mrc", "t_labels.mrc"} | others
    assert len(found.others) == len(others)
    with mrcfile.open(found.labels) as mrc:
        labels, title = mrc.data, mrc.header.label[0].decode()
    assert are_class_labels(title)
    for number in (MACROMOLECULE, OTHER):
        both = ((labels == number) & (classes == number)).sum()
        assert both > 0.7 * (classes == number).sum()
    assert found.fraction == (labels == MACROMOLECULE).mean()
    assert found.shares["other"] == (labels == OTHER).mean()
    probability = mrcfile.read(found.probability)
    assert (probability[labels == MACROMOLECULE] >= 0.5).all()
    assert (probability[labels == OTHER] < 0.5).all()


class Counting(FiveClasses):
    """Counts the cubes that it is given."""

    cubes = 0

    def forward(self, images):
        Counting.cubes += len(images)
        return super().forward(images)


def test_vacuum_is_left_out(tmp_path):
    """Inside nothing changes, outside all is 0, and tiles of vacuum are not computed."""
    rng = generator(2, "lamella")
    volume = rng.normal(0, 0.3, (160, 56, 56)).astype(np.float32)
    volume[20:40, 20:34, 10:40] -= 1
    tomogram = open_tomogram(write_tomogram(tmp_path / "t.mrc", volume), protein="dark")
    faces = Face(-300.0, 0.0, 0.0), Face(-45.0, 0.1, -0.05)
    vacuum = Vacuum(tomogram, Slab(*faces, contrast=2.0, explained_fraction=1.0))
    found, cubes = {}, {}
    for name, left_out in (("kept", None), ("left_out", vacuum)):
        Counting.cubes = 0
        found[name] = five_classes(tomogram, tmp_path / name, Counting(), vacuum=left_out)
        cubes[name] = Counting.cubes
    assert cubes["left_out"] < cubes["kept"]
    outside = vacuum.where(tuple(map(slice, (0, 0, 0), volume.shape)))
    for kind in ("probability", "labels"):
        kept, rest = (mrcfile.read(getattr(found[name], kind)) for name in found)
        assert kept[outside].any()
        assert not rest[outside].any()
        np.testing.assert_array_equal(rest[~outside], kept[~outside])


def test_standardised_as_a_whole(tmp_path):
    """A particle has the same probability beside more vacuum, another unit and padding."""
    volume, _ = specimen((40, 56, 80))
    plain = five_classes(
        open_tomogram(write_tomogram(tmp_path / "t.mrc", volume), protein="dark"), tmp_path / "1"
    )
    rng = generator(1, "vacuum")
    wide = rng.normal(0.0, 0.05, (80, 56, 110)).astype(np.float32)
    wide[40:, :, :80] = volume
    wide[:, :, 96:] = 0
    inverted = write_tomogram(tmp_path / "wide.mrc", 500 - 70 * wide)
    found = five_classes(open_tomogram(inverted, protein="bright"), tmp_path / "2")
    labels = mrcfile.read(plain.labels) == MACROMOLECULE
    other = mrcfile.read(found.labels)[40:, :, :80] == MACROMOLECULE
    assert (labels & other).sum() / (labels | other).sum() > 0.8
    assert not mrcfile.read(found.labels)[:, :, 96:].any()


class Never(Dark):
    """Must not be called."""

    def forward(self, _):
        raise AssertionError


def test_tiles_without_data_are_skipped():
    boxes = [np.full((8, 8, 8), value, np.float32) for value in (np.nan, 0, 3)]
    boxes[2][:4] = np.nan
    for standardised in ("tile", "tomogram"):
        found = predict_cubes(
            Never(), boxes, Compute.pick("cpu", "float32"), standardised=standardised
        )
        assert not np.any([*found])


def test_full_disk_leaves_no_file(tmp_path):
    shape, centres, radius = sized(10.0)
    path = write_tomogram(tmp_path / "t.mrc", dark_spheres(shape, centres, radius))
    tomogram = open_tomogram(path)
    with (
        little_room(4096),
        pytest.raises(WriteError, match=r"_(probability|labels)\.mrc: cannot be"),
    ):
        segment(tomogram, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
