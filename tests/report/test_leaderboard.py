"""Leaderboard: order, paired intervals, structures left out, and external methods."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from sections import section
from ssn3d.core.errors import DataError
from ssn3d.io.files import write_json
from ssn3d.report.settings import LeaderboardSettings, RowSettings, TablesSettings
from ssn3d.report.tables.leaderboard import COLUMNS, leaderboard, read_entry, read_external
from ssn3d.report.tables.leaderboard_files import make_leaderboard
from ssn3d.segmentation.evaluation.metrics import miou

IDS = ["1KP8", "2GLS", "1W6T"] * 10


def better(table, by):
    """Raise all scores by about the same amount."""
    more = by + np.random.default_rng(1).normal(0, abs(by) / 10, len(table))
    return table.assign(iou_foreground=table["iou_foreground"] + more)


def rows_of(table, **values):
    for name, value in values.items():
        table = table[table[name] == value]
    return table


def test_difference_interval_is_paired(make_scores, write_run):
    scores = make_scores(IDS, wrong=0.05)
    folders = {
        "UNet": write_run("UNet", "A", "random", better(scores, 0.4)),
        "Otsu": write_run("Otsu", "A", "random", scores, capacity=None, milliseconds=3.0),
    }
    entries = [read_entry([folder], name, "A") for name, folder in folders.items()]
    table = leaderboard(entries, {"A": 0.5}, seed=0)
    assert table.columns.tolist() == COLUMNS
    assert len(table) == 2 * 2 * (1 + 3)
    first, second = rows_of(table, structure="all", independent=True).to_dict("records")
    assert (first["method"], second["method"]) == ("UNet", "Otsu")
    assert first["difference_miou"] == 0
    assert np.isnan(first["difference_low"])
    assert first["miou_low"] < second["miou_high"]  # they overlap, and yet:
    assert second["difference_low"] < second["difference_miou"] < second["difference_high"] < 0
    assert second["difference_miou"] == pytest.approx(-0.2, abs=0.02)
    assert second["miou"] == pytest.approx(miou(scores).mean())
    assert second["surface_distance"] == pytest.approx(scores["surface_distance"].mean())
    assert (first["parameters"], first["milliseconds"]) == (895746, 12.5)
    assert pd.isna(second["parameters"])
    assert second["milliseconds"] == 3.0
    ring = rows_of(table, structure="2GLS", independent=False, method="Otsu").iloc[0]
    assert ring["subtomograms"] == 10
    assert ring["roi_iou"] == pytest.approx(scores["iou_foreground"][1::3].mean())


def test_mean_over_seeds(make_scores, write_run):
    scores = make_scores(IDS)
    folders = [
        write_run("UNet", "A", f"random{repeat}", better(scores, more))
        for repeat, more in {"": 0.2, "_seed2": 0.6}.items()
    ]
    table = leaderboard([read_entry(folders, "UNet", "A")], {"A": 0.5}, seed=0)
    (row,) = rows_of(table, structure="all", independent=True).to_dict("records")
    assert row["subtomograms"] == len(IDS)
    assert row["miou"] - miou(scores).mean() == pytest.approx(0.2, abs=0.02)


def test_structures_left_out(make_scores, write_run):
    scores = make_scores(IDS)
    unseen = better(scores, -0.5)
    of_ring = unseen[unseen["pdb_id"] == "2GLS"]
    folders = [
        write_run("UNet", "A", "random", scores[:15], scores.assign(tomogram="independent1")),
        write_run("UNet", "A", "without_2GLS", of_ring),
    ]
    entries = [read_entry(folders[:1], "UNet", "A"), read_entry(folders[1:], "UNet", "A", "2GLS")]
    table = leaderboard(entries, {"A": 0.5}, seed=0)
    assert rows_of(table, structure="all")["trained_on"].tolist() == ["A", "A"]
    apart = rows_of(table, structure="2GLS", independent=True)
    assert apart["trained_on"].tolist() == ["A", "A without 2GLS"]
    assert apart["difference_high"].iloc[1] < 0
    inside = rows_of(table, structure="2GLS", independent=False)  # other subtomograms: no contest
    assert inside["subtomograms"].tolist() == [5, 10]
    assert inside["difference_miou"].tolist() == [0, 0]


def test_other_subtomograms(make_scores, write_run):
    for wrong in (make_scores(IDS[:-3]), make_scores(IDS, size=0.2)):
        folders = [write_run("UNet", "A", "random", make_scores(IDS)),
                   write_run("Otsu", "A", "random", wrong)]  # fmt: skip
        entries = [read_entry([folder], folder.parts[-3], "A") for folder in folders]
        with pytest.raises(DataError, match=r"scored on other subtomograms or masks than .*runs/"):
            leaderboard(entries, {"A": 0.5}, seed=0)


def test_methods_of_one_name_are_refused(make_scores, write_run):
    folders = [write_run(f"run{i}", "A", "random", make_scores(IDS, seed=0)) for i in range(2)]
    entries = [read_entry([folder], "Mine", "A") for folder in folders]
    with pytest.raises(DataError, match=r"run1/.*: 'Mine', .* 'A', is .*run0/.* --name"):
        leaderboard(entries, {"A": 0.5}, seed=0)
    named = [replace(entry, trained_on=f"A{i}") for i, entry in enumerate(entries)]
    assert set(leaderboard(named, {"A": 0.5}, seed=0)["trained_on"]) == {"A0", "A1"}


def test_leaderboard_files(make_scores, write_run, tmp_path):
    base = section("tables")
    row = RowSettings(method="UNet", dataset="A")
    third = base.table3.model_copy(update={"method": "UNet", "leave_out": ["2GLS"]})
    tables = TablesSettings(table2=[row], table3=third)
    scores = make_scores(IDS)
    of_ring = scores[scores["pdb_id"] == "2GLS"]
    for method in ("UNet", "Otsu", "Oracle-threshold"):
        write_run(method, "A", "random", better(scores, -len(method) / 10))
    write_run("UNet", "A", "without_2GLS", of_ring)
    both = pd.concat([scores.assign(dataset=name) for name in "AB"])
    write_run("SSN3D-ED", "A+B", "random", both, both.assign(tomogram="independent1"))
    folder = write_run("Mine", "B", "random", scores)
    record = {"method": "My | own", "dataset": "B", "trained_on": "", "capacity": None}
    write_json(folder / "run.json", record | {"milliseconds": None})
    settings = LeaderboardSettings(
        rows=[RowSettings(method="SSN3D-ED", dataset="A+B")], left_out=[], external=[str(folder)]
    )
    runs = settings.runs(tables, ["A"], ["2GLS"])
    assert {run.method for run in runs} == {"UNet", "SSN3D-ED", "Otsu", "Oracle threshold"}
    assert ("UNet", "A", "without_2GLS") in runs
    snr_of = {"A": 0.5, "B": 0.06}
    for name, less in {"Otsu": 0.3, "Oracle-threshold": 0.7}.items():
        write_run(name, "B", "random", better(scores, -less))
    csv = tmp_path / "leaderboard.csv"
    make_leaderboard(settings, tables, snr_of, ["2GLS"], runs=tmp_path / "runs", csv=csv, seed=0)
    made = pd.read_csv(csv)
    on_b = rows_of(made, dataset="B", structure="all", independent=True)
    assert on_b["method"].tolist()[2:] == ["Otsu", "Oracle threshold"]
    assert on_b["trained_on"].isna().tolist() == [False, True, True, True]
    assert on_b["snr"].tolist() == [0.06] * 4
    text = csv.with_suffix(".md").read_text()
    none = "| \N{EN DASH} " * 2
    lines = ["### B, SNR 0.06", "| My \\| own |", "structures left out of the training"]
    for line in (*lines, f"| UNet | A without it {none}| 89.7 |", "Provenance: "):
        assert line in text
    assert read_external(folder).milliseconds is None


def test_most_seeds_of_a_row_count():
    tables, more = section("tables"), RowSettings(method="UNet", dataset="C", seeds=3)
    settings = LeaderboardSettings(rows=[more], left_out=[], external=[])
    rows = settings.all_rows(tables, ["A", "B", "C"])
    assert [row for row in rows if row.method == "UNet"] == [more]  # once in Table 2, with one seed
