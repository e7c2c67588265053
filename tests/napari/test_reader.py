"""The reader of napari, without a window: layers, and the manifest as npe2 reads it."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from own_tomograms import dark_spheres, spheres, write_tomogram
from ssn3d.core.errors import DataError
from ssn3d.napari.reader import get_reader, read_layers

SHAPE, CENTRES = (24, 32, 40), [(12, 10, 10), (12, 20, 28)]
MANIFEST = Path(get_reader.__code__.co_filename).with_name("napari.yaml")


@pytest.fixture
def tomogram(tmp_path):
    """Write a tomogram of 12 A with all that ssn3d writes of it."""
    path = write_tomogram(tmp_path / "TS_1.mrc", dark_spheres(SHAPE, CENTRES, 5), 12.0)
    (tmp_path / "segmented").mkdir()
    mask = spheres(SHAPE, CENTRES, 5)
    for kind, dtype in (("probability", np.float32), ("labels", np.int8), ("instances", np.int16)):
        write_tomogram(tmp_path / "segmented" / f"TS_1_{kind}.mrc", mask.astype(dtype), 12.0)
    rows = [f"TS_1,{12 * x},{12 * y},{12 * z}" for z, y, x in CENTRES]
    table = ["tomogram,x_angstrom,y_angstrom,z_angstrom", *rows, "TS_2,1,2,3"]
    (tmp_path / "picks.csv").write_text("\n".join(table) + "\n")
    return path


def test_layers_lie_on_one_another(tomogram):
    layers = get_reader(str(tomogram))(str(tomogram))
    assert [kind for _, _, kind in layers] == ["image", "points", "image", "labels", "labels"]
    assert [options["name"] for _, options, _ in layers] == [
        "TS_1", "picks", "TS_1_probability", "TS_1_labels", "TS_1_instances",
    ]  # fmt: skip
    assert all(options["scale"] == (12.0,) * 3 for _, options, _ in layers)
    points, options, _ = layers[1]
    np.testing.assert_allclose(points, CENTRES)
    assert len(options["features"]["score"]) == len(CENTRES)
    assert all(data.shape == SHAPE for data, _, kind in layers if kind != "points")


@pytest.mark.parametrize("kind", ["labels", "instances", "probability"])
def test_segmentation_by_itself(tomogram, kind):
    (layer,) = read_layers(str(tomogram.parent / "segmented" / f"TS_1_{kind}.mrc"))
    assert layer[2] == ("image" if kind == "probability" else "labels")


def test_others_files_are_left_out(tomogram, caplog):
    (tomogram.parent / "picks.csv").write_text(
        "tomogram,x_angstrom,y_angstrom,z_angstrom\nB,1,2,3\n"
    )
    write_tomogram(tomogram.parent / "TS_1_labels.mrc", np.zeros((8, 9, 10), np.int8), 12.0)
    shutil.rmtree(tomogram.parent / "segmented")
    assert len(read_layers(str(tomogram))) == 1
    assert caplog.text.count("left out") == 2


def test_voxel_size_of_segmentation(tomogram, caplog):
    """A header of 1 A, as of files without a voxel size, would misplace picks in angstrom."""
    write_tomogram(tomogram, dark_spheres(SHAPE, CENTRES, 5), 1.0)
    folder = tomogram.parent / "segmented"
    (folder / "TS_1_probability.mrc").write_bytes(b"no volume")
    layers = read_layers(str(tomogram))
    assert all(options["scale"] == (12.0,) * 3 for _, options, _ in layers)
    (points,) = [data for data, _, kind in layers if kind == "points"]
    np.testing.assert_allclose(points, CENTRES)
    shutil.rmtree(folder)
    assert [kind for _, _, kind in read_layers(str(tomogram))] == ["image"]
    assert "picks.csv: left out, since no header states" in caplog.text


def test_refused_paths(tomogram):
    assert get_reader([str(tomogram)]) is None
    assert get_reader(str(tomogram.parent)) is None
    tomogram.write_bytes(b"no volume")
    with pytest.raises(DataError, match=r"TS_1\.mrc"):
        read_layers(str(tomogram))


def test_manifest(tomogram):
    npe2 = pytest.importorskip("npe2", reason="no npe2")
    manifest = npe2.PluginManifest.from_file(MANIFEST)
    manager = npe2.PluginManager()
    manager.register(manifest)
    manager.activate("ssn3d")
    manager.discover = lambda *_, **__: None  # no other plugin of this machine
    (reader,) = manager.iter_compatible_readers([str(tomogram)])
    read = manager.commands.execute(reader.command, kwargs={"path": str(tomogram)})
    assert len(read(str(tomogram))) == 5
