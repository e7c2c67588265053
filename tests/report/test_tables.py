import numpy as np
import pandas as pd
import pytest

from sections import changed, section
from ssn3d.core.errors import DataError
from ssn3d.io.files import write_json
from ssn3d.report.bootstrap import mean_interval
from ssn3d.report.provenance_labels import is_exact_entry, source_label, surrogates
from ssn3d.report.settings import RowSettings
from ssn3d.report.tables.tables import TABLE2_COLUMNS, TABLE3_COLUMNS, read_table, table2, table3

ROWS = [
    RowSettings(method="Xu & Alber", dataset="A"),
    RowSettings(method="SSN3D-ED", dataset="B"),
    RowSettings(method="SSN3D-v1", dataset="A"),
    RowSettings(method="UNet", dataset="A"),
    RowSettings(method="Xu & Alber, tuned", dataset="A"),
]


@pytest.fixture
def second(tmp_path, repository):
    def make(seed=1):
        return table2(ROWS, {"A": 0.5, "B": 0.06}, tmp_path, repository / "resources", seed)

    return make


@pytest.fixture
def third(tmp_path, repository):
    def make(pdb_ids, leave_out="all"):
        return table3(
            changed(section("tables").table3, leave_out=leave_out),
            pdb_ids,
            results=tmp_path,
            resources=repository / "resources",
            seed=1,
        )

    return make


def structure(folder, pdb_id, source, **record):
    defaults = {"file": f"{pdb_id}.cif", "served_by": pdb_id, "unit": "deposited"}
    defaults["mass_dalton"] = 600e3
    write_json(folder / f"{pdb_id}.json", {"pdb_id": pdb_id, "source": source} | defaults | record)


def test_table2_order_and_paper_values(second):
    table = second()
    assert list(table.columns) == TABLE2_COLUMNS
    assert list(table["method"]) == [row.method for row in ROWS]
    assert list(table["snr"]) == [0.5, 0.06, 0.5, 0.5, 0.5]
    assert list(table["paper_miou"][1:3]) == [83.04, 70.10]
    assert list(table["paper_pixel_accuracy"][:3]) == [91.87, 98.84, 98.28]
    assert table.loc[3:, ["paper_miou", "paper_pixel_accuracy"]].isna().all(axis=None)  # not there
    # 27.40 is the IoU of the region of interest, and stands under that
    assert table["paper_iou_foreground"][0] == 27.40
    assert table.loc[0, ["paper_miou"]].isna().all()
    assert table["paper_iou_foreground"][1:].isna().all()


def test_missing_runs(second, write_run, make_scores):
    folder = write_run("SSN3D-v1", "A", "random", make_scores(["1KP8"] * 5))
    (folder / "per_subtomogram.csv").unlink()
    table = second()
    ours = [
        column for column in TABLE2_COLUMNS[3:]
        if not column.startswith("paper") and column != "status"
    ]  # fmt: skip
    assert table[ours].isna().all(axis=None)
    runs = folder.parents[2]
    assert list(table["status"]) == [
        f"missing: rule run_baseline ({runs}/Xu-Alber/A/random/run.json)",
        f"missing: rule train_network ({runs}/SSN3D-ED/B/random/run.json)",
        f"missing: rule evaluate_network ({runs}/SSN3D-v1/A/random/per_subtomogram.csv)",
        f"missing: rule train_network ({runs}/UNet/A/random/run.json)",
        f"missing: rule run_baseline ({runs}/Xu-Alber-tuned/A/random/run.json)",
    ]


def test_scores_are_means(second, write_run, make_scores):
    scores = make_scores(["1KP8", "2GLS"] * 30)
    others = make_scores(["1KP8"] * 40, wrong=0.03, seed=1, tomogram="independent1")
    write_run("SSN3D-ED", "B", "random", scores, others)
    for method in ("Xu-Alber", "Xu-Alber-tuned"):
        write_run(method, "A", "random", scores, capacity=None, epochs=0)
    ours = second().set_index("method")
    row = ours.loc["SSN3D-ED"]
    assert row["pixel_accuracy"] == pytest.approx(scores["pixel_accuracy"].mean())
    miou = scores[["iou_background", "iou_foreground"]].mean().mean()
    assert row["miou"] == pytest.approx(miou)
    assert row["difference_miou"] == pytest.approx(miou - 83.04)
    assert row["miou_low"] < row["miou"] < row["miou_high"]
    assert row["miou_high"] - row["miou_low"] < 10
    for ceiling in ("ceiling_miou", "ceiling_pixel_accuracy", "accurate_miou"):
        assert row[ceiling] == pytest.approx(scores[ceiling].mean())
    assert row["accurate_miou"] <= row["ceiling_miou"]
    apart = others[["iou_background", "iou_foreground"]].mean().mean()
    assert row["independent_miou"] == pytest.approx(apart)
    assert row["independent_pixel_accuracy"] == pytest.approx(others["pixel_accuracy"].mean())
    assert row["independent_miou_low"] < apart < row["independent_miou_high"]
    wrong = scores["false_positive"].sum() + scores["false_negative"].sum()
    assert row["errors_per_surface_voxel"] == pytest.approx(wrong / scores["surface"].sum())
    assert (row["independent_subtomograms"], row["seeds"]) == (40, 1)
    assert (row["capacity"], row["epochs"], row["test_subtomograms"]) == (895746, 31, 60)
    assert row["training_minutes"] == 1.5
    assert row["status"] == "done"
    assert ours.loc["Xu & Alber", ["capacity"]].isna().all()
    for method in ("Xu & Alber", "Xu & Alber, tuned"):
        assert ours.loc[method, "miou"] == pytest.approx(miou)
        assert np.isnan(ours.loc[method, "difference_miou"])  # the paper has no mIoU of it


def test_row_of_several_seeds(tmp_path, repository, write_run, make_scores):
    def make():
        rows = [RowSettings(method="SSN3D-ED", dataset="A", seeds=3)]
        return table2(rows, {"A": 0.5}, tmp_path, repository / "resources", 1).loc[0]

    mious = []
    for split, wrong in (("random", 0.01), ("random_seed2", 0.03), ("random_seed3", 0.02)):
        assert split in make()["status"]  # one of them is not enough
        scores = make_scores(["1KP8"] * 20, wrong=wrong)
        write_run("SSN3D-ED", "A", split, scores, epochs=int(1000 * wrong))
        mious.append(scores[["iou_background", "iou_foreground"]].mean().mean())
    row = make()
    assert (row["seeds"], row["epochs"], row["test_subtomograms"]) == (3, 20, 20)
    assert row["miou"] == pytest.approx(np.mean(mious))
    for prefix in ("", "independent_"):
        ends = row[f"{prefix}miou_lowest_seed"], row[f"{prefix}miou_highest_seed"]
        assert ends == pytest.approx((min(mious), max(mious)))
    # of the same subtomograms: the interval is narrower than the range
    assert min(mious) < row["miou_low"] < row["miou"] < row["miou_high"] < max(mious)


def test_intervals_derive_from_seed(second, write_run, make_scores):
    write_run("UNet", "A", "random", make_scores(["1KP8"] * 40))
    pd.testing.assert_frame_equal(second(seed=4), second(seed=4))
    assert second(seed=4).loc[3, "miou_low"] != second(seed=5).loc[3, "miou_low"]


def test_run_in_wrong_folder(second, write_run, make_scores):
    folder = write_run("SSN3D-v1", "A", "random", make_scores(["1KP8"] * 4))
    folder.parents[1].rename(folder.parents[2] / "UNet")
    with pytest.raises(DataError, match=r"UNet/A/random/run.json: belongs to the run \('SSN3D-v1'"):
        second()


def test_table3_order(third):
    table = third(["1KPB", "1LB3", "2AWB", "1FNT", "1KP8"], leave_out=["2AWB"])
    assert list(table.columns) == TABLE3_COLUMNS
    assert list(table["pdb_id"]) == ["2AWB", "1FNT", "1KP8", "1LB3", "1KPB"]
    assert list(table["paper_miou"][:4]) == [81.47, 87.59, 88.85, 79.61]
    assert np.isnan(table["paper_miou"][4])
    assert table["paper_mask_voxels"][2] == 4522
    assert table["name"][2] == "GroEL 14-mer"
    assert table["status"][0].startswith("missing: rule train_network (")
    assert set(table["status"][1:]) == {"not asked for (tables.table3.leave_out)"}


def test_table3_scores(third, write_run, make_scores):
    scores = make_scores(["2GLS"] * 30, size=0.2)
    write_run("SSN3D-ED", "A", "without_2GLS", scores)
    row = third(["1KP8", "2GLS"]).set_index("pdb_id").loc["2GLS"]
    assert row["mask_voxels"] == pytest.approx(200, rel=0.05)
    assert row["test_subtomograms"] == 30
    assert (row["independent_subtomograms"], row["epochs"]) == (30, 31)
    assert row["difference_miou"] == pytest.approx(row["miou"] - 88.12)


def test_test_set_of_other_structure(third, write_run, make_scores):
    ours, others = make_scores(["2GLS"] * 2), make_scores(["2GLS", "1KP8"])
    for tables in ((ours, others), (others, ours)):
        write_run("SSN3D-ED", "A", "without_2GLS", *tables)
        with pytest.raises(DataError, match="the scores are of other structures than 2GLS"):
            third(["2GLS"])


def test_source_labels(tmp_path):
    structure(tmp_path, "1A1S", "archive")
    structure(tmp_path, "2AWB", "archive", served_by="4V4Q")
    structure(tmp_path, "1KP8", "folder", file="1OEL.pdb.gz", served_by="1OEL")
    structure(tmp_path, "1YG6", "folder", file="1YG6.pdb", served_by="1YG6", unit="biological")
    structure(tmp_path, "1FNT", "surrogate", file=None, served_by=None, unit="surrogate")
    words = {i: source_label(tmp_path, i) for i in ("1A1S", "2AWB", "1KP8", "1YG6", "1FNT")}
    assert words == {
        "1A1S": "archive",
        "2AWB": "archive, 4V4Q standing in",
        "1KP8": "file 1OEL.pdb.gz, 1OEL standing in",
        "1YG6": "file 1YG6.pdb, biological assembly",
        "1FNT": "surrogate: bead model",
    }
    assert surrogates(tmp_path, words) == ["1FNT"]
    assert source_label(tmp_path, "2REC").startswith("unknown")


def test_exact_entry(tmp_path):
    structure(tmp_path, "2GLS", "folder")
    structure(tmp_path, "1GYT", "folder", mass_dalton=331e3)  # a half of what the paper had
    structure(tmp_path, "2AWB", "archive", served_by="4V4Q", mass_dalton=1400e3)
    structure(tmp_path, "1YG6", "folder", unit="biological")
    structure(tmp_path, "1FNT", "surrogate", served_by=None, unit="surrogate", mass_dalton=1e6)
    masses = {"2GLS": 624, "1GYT": 662, "2AWB": 1400, "1YG6": 304, "1FNT": 1050, "1KP8": 810}
    exact = [pdb_id for pdb_id, mass in masses.items() if is_exact_entry(tmp_path, pdb_id, mass)]
    assert exact == ["2GLS"]
    assert not is_exact_entry(tmp_path, "2GLS", np.nan)  # of no complex of the paper


def test_table_round_trip(second, third, write_run, make_scores, tmp_path):
    write_run("SSN3D-ED", "B", "random", make_scores(["1KP8"] * 5))
    for made in (second(), third(["2GLS", "1KP8"])):
        made.to_csv(tmp_path / "table.csv", index=False)
        pd.testing.assert_frame_equal(read_table(tmp_path / "table.csv"), made)
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="not a table of ssn3d"):
        read_table(tmp_path / "table.csv")


def test_interval_coverage():
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(300):
        # skewed, as IoUs are: most are good and some are bad
        values = 100 * rng.beta(8, 2, 80)
        low, high = mean_interval(values, np.full(80, "t1"), rng, resamples=300)
        hits += low <= 80.0 <= high
    assert 0.91 < hits / 300 < 0.98


def test_tomograms_widen_interval():
    """Intervals from resampled subtomograms alone would be too narrow."""
    rng = np.random.default_rng(2)
    tomograms = np.repeat([f"t{i}" for i in range(12)], 30)
    hits = alone = 0
    for _ in range(100):
        values = 80 + np.repeat(rng.normal(0, 2, 12), 30) + rng.normal(0, 4, 360)
        low, high = mean_interval(values, tomograms, rng, resamples=200)
        hits += low <= 80.0 <= high
        low, high = mean_interval(values, np.full(360, "t1"), rng, resamples=200)
        alone += low <= 80.0 <= high
    assert hits > 85
    assert alone < 70


def test_tomograms_weigh_by_size():
    values, tomograms = np.array([70.0, 90, 90, 90]), np.array(["t1", "t2", "t2", "t2"])
    assert mean_interval(values, tomograms, np.random.default_rng(0)) == (70, 90)


def test_wider_interval_counts():
    values, tomograms = np.array([70.0, 90, 70, 90] * 5), np.array(["t1", "t1", "t2", "t2"] * 5)
    low, high = mean_interval(values, tomograms, np.random.default_rng(0))
    assert high - low > 6


def test_interval_of_one_value():
    one = mean_interval(np.array([80.0]), np.array(["t1"]), np.random.default_rng(0))
    assert np.isnan(one).all()
