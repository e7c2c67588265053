import numpy as np
import pandas as pd
import pytest

from ssn3d.core.errors import DataError
from ssn3d.report.figures.examples import read_examples
from ssn3d.report.figures.runtime import read_benchmarks, runtime
from ssn3d.report.figures.scores import iou_against_mask_size, iou_per_class, table3_against_paper
from ssn3d.report.figures.segmentation import Example, truth_and_prediction
from ssn3d.report.figures.style import SERIES
from ssn3d.report.figures.training import training_curves


def test_iou_per_class(make_scores):
    large = make_scores(["2AWB"] * 8, size=0.4)
    small = make_scores(["1LB3"] * 8, size=0.05, seed=1)
    good = pd.concat([large, small])
    figure = iou_per_class({"A, SNR 0.5": good, "C, SNR 0.01": small})
    (axes,) = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1LB3", "2AWB"]
    first, second = axes.lines
    means = [small["iou_foreground"].mean(), large["iou_foreground"].mean()]
    np.testing.assert_allclose(first.get_ydata(), means)
    np.testing.assert_allclose(second.get_ydata(), [means[0], np.nan])  # no such class in C
    assert (first.get_xdata() < second.get_xdata()).all()  # side by side
    assert first.get_marker() != second.get_marker()


def test_iou_against_mask_size(make_scores):
    scores = make_scores(["2AWB", "1LB3"] * 5)
    scores.loc[3, ["true_positive", "false_negative"]] = 0
    (axes,) = iou_against_mask_size(scores, "SSN3D-ED, A").axes
    dots, means = axes.lines
    assert len(dots.get_xdata()) == 9
    assert axes.get_title() == "SSN3D-ED, A; empty masks left out: 1"
    sizes = (scores["true_positive"] + scores["false_negative"])[scores["pdb_id"] == "2AWB"]
    assert means.get_xdata()[1] == pytest.approx(sizes.mean())
    assert [text.get_text() for text in axes.texts] == ["1LB3", "2AWB"]


def test_table3_against_paper():
    table = pd.DataFrame(
        {
            "pdb_id": ["2AWB", "1FNT", "1GYT", "1BXR"],
            "miou": [84.0, 89.0, 88.0, np.nan],
            "miou_low": [83.0, 88.5, 87.0, np.nan],
            "miou_high": [85.0, 89.5, 89.0, np.nan],
            "paper_miou": [81.47, 87.59, 86.95, 77.02],
            "pixel_accuracy": [97.0, 98.0, 98.9, np.nan],
            "paper_pixel_accuracy": [96.57, 98.11, 98.51, 97.45],
            "source": ["archive", "surrogate: bead model", "archive", "archive"],
        }
    )
    figure = table3_against_paper(table)
    miou, accuracy = figure.axes
    filled, hollow, diagonal = miou.lines
    np.testing.assert_array_equal(filled.get_xydata(), [[81.47, 84.0], [86.95, 88.0]])
    np.testing.assert_array_equal(hollow.get_xydata(), [[87.59, 89.0]])
    assert hollow.get_fillstyle() == "none"
    np.testing.assert_array_equal(diagonal.get_xdata(), diagonal.get_ydata())
    assert miou.get_xlim() == miou.get_ylim()
    low, high = miou.get_xlim()
    assert low < 81.47
    assert high > 89.5
    assert miou.get_title() == "mean difference +1.66, rank correlation 1.00"
    assert figure.get_suptitle() == "Table 3: 3 of 4 structures; line: ours equals the paper's"
    assert accuracy.get_xlabel() == "paper: pixel accuracy (%)"
    empty = table3_against_paper(table[3:])
    assert empty.texts[-1].get_text() == "no results yet"
    assert not empty.axes


def history(top, epochs=12):
    """Curves that level off at a validation mIoU of `top`."""
    epoch = np.arange(1, epochs + 1)
    rise = 1 - np.exp(-epoch / 4)
    loss = 0.12 - 0.1 * rise
    curves = {"train_loss": loss, "validation_loss": loss + 0.01, "validation_miou": top * rise}
    return pd.DataFrame({"epoch": epoch, "validation_pixel_accuracy": 97 + 2 * rise} | curves)


def test_training_curves():
    histories = {"SSN3D-v1, A": history(70), "SSN3D-ED, A": history(86)}
    figure = training_curves(histories, {"SSN3D-v1, A": 9, "SSN3D-ED, A": 12})
    loss, _, miou = figure.axes
    assert loss.get_yscale() == "log"
    assert len(loss.lines) == 4  # training and validation
    curves = [line for line in miou.lines if len(line.get_xdata()) > 1]
    assert [line.get_label() for line in curves] == list(histories)
    np.testing.assert_array_equal(
        curves[1].get_ydata(), histories["SSN3D-ED, A"]["validation_miou"]
    )
    rings = [line.get_xydata()[0] for line in miou.lines if len(line.get_xdata()) == 1]
    assert rings[0] == pytest.approx((9, histories["SSN3D-v1, A"]["validation_miou"][8]))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(histories)


def test_single_epoch():
    loss, *_ = training_curves({"SSN3D-ED, A": history(86, 1)}, {"SSN3D-ED, A": 1}).axes
    assert {line.get_marker() for line in loss.lines} == {"."}
    low, high = loss.get_xlim()
    assert [tick for tick in loss.get_xticks() if low <= tick <= high] == [1]


def test_many_runs_share_label():
    histories = {f"run {i}": history(70 + i) for i in range(len(SERIES) + 4)}
    figure = training_curves(histories, dict.fromkeys(histories, 5))
    (legend,) = figure.legends
    names = [text.get_text() for text in legend.get_texts()]
    assert names == [*list(histories)[: len(SERIES)], "4 more"]
    assert sum(len(line.get_xdata()) > 1 for line in figure.axes[2].lines) == len(histories)


HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmean_load\n"


@pytest.fixture
def files(tmp_path):
    jobs = {
        "train_network": [("ed", 600, "2048"), ("v1", 400, "4096")],
        "simulate_specimen": [("t1", 60, "9216")],
        "make_tables": [("all", 0.5, "NA")],
        "search_baseline": [],
    }
    found = {rule: [tmp_path / f"{rule}_{job[0]}.tsv" for job in jobs[rule]] for rule in jobs}
    for rule, paths in found.items():
        for path, (_, seconds, memory) in zip(paths, jobs[rule], strict=True):
            path.write_text(f"{HEADER}{seconds}\t0:00:01\t{memory}\t-\t99.0\n")
    return found


def test_total_time_and_peak_memory(files):
    time, memory = runtime(read_benchmarks(files)).axes
    names = [tick.get_text() for tick in time.get_yticklabels()]
    assert names == ["make_tables (x1)", "simulate_specimen (x1)", "train_network (x2)"]
    assert [bar.get_width() for bar in time.patches] == [0.5, 60, 1000]
    assert [bar.get_width() for bar in memory.patches] == [0, 9, 4]
    assert [text.get_text() for text in memory.texts] == ["not measured", "9 GiB", "4 GiB"]
    assert [text.get_text() for text in time.texts] == ["0.5 s", "60 s", "1,000 s"]


@pytest.mark.parametrize("content", [None, "nothing\n", f"{HEADER}x\t0:01\t1\t-\t9\n"])
def test_damaged_benchmark(files, content):
    (path,) = files["make_tables"]
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(DataError, match=r"make_tables_all\.tsv: not a Snakemake benchmark file"):
        read_benchmarks(files)


def test_examples(make_scores, tmp_path):
    scores = make_scores(["1KP8", "2GLS"] * 7 + ["1W6T"])
    path = tmp_path / "per_subtomogram.csv"
    scores.to_csv(path, index=False)
    picked = read_examples(path, ["2GLS", "9XYZ", "1KP8", "1W6T"])
    assert list(picked["pdb_id"]) == ["2GLS"] * 3 + ["1KP8"] * 3 + ["1W6T"]
    assert list(picked["rank"][:6]) == ["best", "median", "worst"] * 2
    for pdb_id in ("2GLS", "1KP8"):
        ious = scores.loc[scores["pdb_id"] == pdb_id, "iou_foreground"]
        expected = [ious.max(), ious.median(), ious.min()]
        np.testing.assert_allclose(picked["iou_foreground"][picked["pdb_id"] == pdb_id], expected)
    with pytest.raises(DataError, match=r"example_ids: .* none of 9XYZ; .* such as 1KP8"):
        read_examples(path, ["9XYZ"])


def test_truth_and_prediction():
    image = np.random.default_rng(0).normal(size=(8, 8, 8)).astype(np.float16)
    truth = np.zeros((8, 8, 8), dtype=np.uint8)
    truth[2:6, 2:6, 3:7] = 1
    full, empty = Example("best", image, truth, truth), Example("worst", image, truth, 0 * truth)
    panels = truth_and_prediction([full, empty], 10.0).axes
    assert len(panels) == 10
    titles = [panel.get_title().splitlines()[0] for panel in panels[:5]]
    assert titles == ["subtomogram", "truth", "prediction", "truth", "prediction"]
    np.testing.assert_array_equal(panels[1].images[0].get_array(), 1 - truth[4])  # dark
    assert panels[2].images[0].get_clim() == (0, 1)
    assert [len(panel.texts) for panel in panels] == [0] * 9 + [1]  # "empty"
    assert panels[5].get_ylabel().startswith("worst")
