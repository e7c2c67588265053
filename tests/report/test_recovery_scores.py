"""Table of recovered particles, compared with scores computed by hand."""

import numpy as np
import pandas as pd
import pytest

from ssn3d.io.files import write_json
from ssn3d.io.tables import write_csv
from ssn3d.report.figures.recovery import Slab, picks_picture, recall_by_mass
from ssn3d.report.tables.recovery_scores import make_recovery_table

MASSES = {"1AAA": 50e3, "2BBB": 700e3}


@pytest.fixture
def table(tmp_path):
    """Make the table of one tomogram in two datasets; in B no particle is found."""
    for pdb_id, mass in MASSES.items():
        write_json(tmp_path / "structures" / f"{pdb_id}.json", {"mass_dalton": mass})
    matches = pd.DataFrame(
        {
            "label": [1, 2, 3, 4],
            "pdb_id": ["1AAA", "1AAA", "2BBB", "2BBB"],
            "pick": [2, 0, 1, 3],
            "distance_angstrom": [10.0, np.nan, 20.0, 60.0],
            "iou": [0.5, np.nan, 0.7, 0.9],
        }
    )
    none = matches.assign(pick=0, distance_angstrom=np.nan, iou=np.nan)
    counts = {"A": {"picks": 4, "voxels": [60, 80, 100]}, "B": {"picks": 0, "voxels": None}}
    for dataset, rows in (("A", matches), ("B", none)):
        start = tmp_path / "recovery" / f"t_{dataset}" / f"t_{dataset}"
        write_csv(f"{start}_matches.csv", rows)
        write_json(f"{start}_counts.json", counts[dataset])
    make_recovery_table(
        tmp_path, {"A": ["t_A"], "B": ["t_B"]}, {"A": 0.5, "B": 0.01}, [*MASSES],
        method="dog", distance_angstrom=60.0, csv=tmp_path / "recovery.csv",
    )  # fmt: skip
    return pd.read_csv(tmp_path / "recovery.csv")


def test_scores_by_hand(table):
    rows = table.set_index(["dataset", "group"])
    every = rows.loc["A", "all"]
    assert every[["picks", "particles", "found"]].tolist() == [4, 4, 3]
    assert every[["precision", "recall", "f1"]].tolist() == pytest.approx([0.75] * 3)
    assert every[["mean_error_angstrom", "median_error_angstrom"]].tolist() == [30, 20]
    assert every[["target_iou", "structure_iou"]].tolist() == pytest.approx([70, 50])
    assert rows.loc["A"].index.tolist() == [
        "all", "0 to 100 kDa", "600 kDa and more", "1AAA", "2BBB"
    ]  # fmt: skip
    assert rows.loc["A"]["recall"].tolist() == [0.75, 0.5, 1, 0.5, 1]
    assert rows.loc["B", "all"][["recall", "precision", "f1", "f4"]].tolist() == [0] * 4
    assert np.isnan(rows.loc["B", "all"]["structure_iou"])


def test_recovery_pages(table, tmp_path):
    assert len(table) == 10
    page = (tmp_path / "recovery.md").read_text()
    assert "| A | 0.5 | 4 | 4 | 0.750 | 0.750 | 0.750 | 0.750 | 30.0 | 20.0 | 70.0 | 50.0 |" in page
    nothing = " | ".join(["\N{EN DASH}"] * 4)
    assert f"| B | 0.01 | 0 | 4 | 0.000 | 0.000 | 0.000 | 0.000 | {nothing} |" in page
    assert "| 1AAA | 50 | 2 | 0.500 | 50.0 | 0.000 | \N{EN DASH} |" in page
    assert "picks by difference of Gaussians" in (tmp_path / "recovery.html").read_text()


def test_recall_marks(table):
    (axes,) = recall_by_mass(table).axes
    marks = [
        line.get_ydata()
        for line in axes.lines
        if len(line.get_xdata()) and line.get_marker() != "None"
    ]
    np.testing.assert_allclose(marks, [[50, 100], [0, 0]])


def test_pick_circles():
    """The third pick is far from the slice; x runs right, y up, in nm."""
    image, labels = np.zeros((20, 30), np.float32), np.zeros((20, 30), np.uint16)
    slab = Slab("xy", image, labels, (5, 10), 8.0)
    picks = np.array([[8.0, 9, 12], [9, 20, 30], [14, 9, 12]])
    figure = picks_picture("t", [slab], {"pick": picks}, 100.0, 10.0)
    circles = figure.axes[1].patches
    np.testing.assert_allclose([c.center for c in circles], [[2, 4], [20, 15]])
    assert {c.radius for c in circles} == {5.0}
    assert len(figure.axes) == 3
