from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ssn3d.report.figures.specimen import mask_sizes, packing_statistics, snr_calibration

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
