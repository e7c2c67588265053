from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.image import imread

from ssn3d.core.errors import DataError
from ssn3d.report.figures.average import average_figure
from ssn3d.report.figures.complex import complex_at_each_snr, draw_complex
from ssn3d.report.figures.specimen import mask_sizes, packing_statistics, snr_calibration
from ssn3d.structures.structure import Structure, write_structure

COMPLEXES = Path(__file__).resolve().parents[2] / "resources" / "complexes.tsv"


@pytest.mark.parametrize("voxel_size", [10.0, 16.0])
def test_mask_sizes_in_equal_voxels(voxel_size):
    """The ratio does not depend on the voxel size."""
    voxels = 6**3 + 4**3
    masks = np.zeros((1, 24, 24, 24), np.uint8)
    masks.reshape(-1)[:voxels] = 1

    class Shard:
        particles = SimpleNamespace(pdb_ids=np.array(["1LB3"]))
        origin = SimpleNamespace(voxel_size_angstrom=voxel_size)

        def __len__(self):
            return 1

        def read(self, _rows):
            return None, masks

    (row,) = mask_sizes(Shard(), COMPLEXES).to_dict("records")
    table = pd.read_csv(COMPLEXES, sep="\t", comment="#")
    paper = table.set_index("pdb_id").loc["1LB3", "paper_mask_voxels"]
    assert row["ratio"] == pytest.approx(voxels * (voxel_size / 10) ** 3 / paper)


def test_snr_calibration():
    curve = [(0.0, 0.7), (10.0, 0.007), (0.1, 0.69), (1.0, 0.35)]
    common = {"calibration": curve, "snr_without_noise": 0.7}
    first = common | {"snr_asked": 0.5, "snr_measured": 0.49, "noise_scale": 0.6}
    second = common | {"snr_asked": 0.06, "snr_measured": 0.06, "noise_scale": 4.0}
    (axes,) = snr_calibration({"A": first, "B": second}).axes
    curves = [line for line in axes.lines if len(line.get_xdata()) == 3]
    for line in curves:
        np.testing.assert_array_equal(line.get_xdata(), [0.1, 1, 10])  # sorted, 0 is not on it
    marks = {
        line.get_label(): line.get_xydata()[0] for line in axes.lines if ":" in line.get_label()
    }
    assert list(marks) == ["A: asked for 0.5, measured 0.49", "B: asked for 0.06, measured 0.06"]
    assert list(map(tuple, marks.values())) == [(0.6, 0.49), (4.0, 0.06)]
    levels = {line.get_ydata()[0] for line in axes.lines if len(set(line.get_ydata())) == 1}
    assert {0.06, 0.5, 0.7} <= levels
    assert [text.get_text() for text in axes.texts] == ["no noise: 0.70"]
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")


def test_packing_statistics():
    classes = pd.DataFrame(
        {
            "pdb_id": ["1KP8", "1LB3", "9XYZ", "2GLS"],
            "subtomograms": [150, 155, 10, 140],
            "mask_voxels": [4000.0, 300.0, 700.0, 3500.0],
            "paper_mask_voxels": [4522.0, 277.0, np.nan, 2948.0],
        }
    )
    bars, scatter = packing_statistics(classes).axes
    assert [tick.get_text() for tick in bars.get_xticklabels()] == ["1KP8", "2GLS", "9XYZ", "1LB3"]
    assert [bar.get_height() for bar in bars.patches] == [150, 140, 10, 155]
    assert bars.get_title() == "455 subtomograms of 4 structures"
    points = {tuple(point) for point in scatter.lines[0].get_xydata()}
    assert points == {(4522, 4000), (277, 300), (2948, 3500)}
    assert scatter.get_title().startswith("rank correlation 1.00")
    assert scatter.get_xlim() == scatter.get_ylim()


def test_panels_of_complex():
    images = {
        name: np.random.default_rng(i).normal(size=(12, 12, 12)).astype(np.float16)
        for i, name in enumerate(("A, SNR 0.5", "C, SNR 0.01"))
    }
    density = np.zeros((16, 16, 16), dtype=np.float32)
    density[4:12, 4:12, 4:12] = 200
    figure = complex_at_each_snr(
        "2GLS", density, level=60.0, density_voxel_size_angstrom=5.0, images=images,
        voxel_size_angstrom=10.0,
    )  # fmt: skip
    surface, *slices = figure.axes
    assert surface.get_title() == "2GLS, surface at 60 Da/nm$^3$\nin a cube of 8 nm"
    assert [axes.get_title() for axes in slices] == ["", "A, SNR 0.5", "", "", "C, SNR 0.01", ""]
    np.testing.assert_array_equal(slices[1].images[0].get_array(), images["A, SNR 0.5"][:, 6])
    limits = [axes.images[0].get_clim() for axes in slices]
    assert len(set(limits[:3])) == 1  # one grey scale for the slices of one subtomogram
    assert limits[0] != limits[3]


def test_complex_from_shard(write_images, tmp_path):
    images = np.random.default_rng(0).normal(size=(2, 8, 8, 8))
    shard = write_images(images, images > 1, ["1KP8", "2GLS"])
    points = np.array([[-5, 0, 0], [5, 0, 0]], dtype=np.float32)
    masses = np.full(2, 1000, dtype=np.float32)
    structure, figure = tmp_path / "2GLS.npz", tmp_path / "complex.png"
    write_structure(structure, Structure("2GLS", points, masses, "deposited"))
    draw_complex("2GLS", structure, [shard], 15.0, 40.0, figure=figure)
    assert imread(figure).std() > 0
    figure.unlink()
    with pytest.raises(DataError, match=r"complex_id: .*t1\.h5 has no subtomogram of 1W6T; .*1KP8"):
        draw_complex("1W6T", structure, [shard], 15.0, 40.0, figure=figure)
    assert not figure.exists()


def test_slices_and_curves():
    volume = np.random.default_rng(0).normal(size=(20, 20, 20)).astype(np.float32)
    resolution = 200 / np.arange(1, 11)
    fsc = pd.DataFrame({"resolution_angstrom": resolution, "half_maps": np.linspace(1, 0, 10)})
    fsc["shared"] = [1] * 4 + [0] * 6
    figure = average_figure(volume, 10.0, fsc)
    assert [len(axes.images) for axes in figure.axes] == [1, 1, 1, 0]
    np.testing.assert_array_equal(figure.axes[0].images[0].get_array(), volume[10])
    curves = figure.axes[3].get_lines()
    np.testing.assert_allclose(curves[0].get_ydata(), fsc["half_maps"])
    labels = [text.get_text() for text in figure.axes[3].get_legend().get_texts()]
    assert labels == ["same reference for both", "between half maps"]
    shaded = figure.axes[3].patches[0]
    assert shaded.get_x() + shaded.get_width() == 4 / 200
    both = average_figure(volume, 10.0, fsc.assign(truth=0.5))
    assert "with the true map" in [t.get_text() for t in both.axes[3].get_legend().get_texts()]
