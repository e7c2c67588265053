import numpy as np
import pytest

from ssn3d.core.errors import DataError
from ssn3d.report.figures.examples import read_examples
from ssn3d.report.figures.segmentation import Example, truth_and_prediction


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
