"""Calibration on files: simulated tomograms, and annotated ones of the user's."""

import json

import numpy as np
import pandas as pd
import pytest

from ssn3d.core.errors import DataError
from ssn3d.find.picks import _by_others, calibrate_targets, write_picks
from ssn3d.find.steps import _annotated
from ssn3d.io.mrc import write_mrc
from ssn3d.io.tomogram import open_tomogram


def candidates(path, middle, *, known=True, seed=0):
    """Write 200 candidates, of which scores above a middle are right."""
    scores = np.random.default_rng(seed).random(200)
    correct = scores > middle
    content = {"centres": np.zeros((200, 3)).tolist(), "score": scores.tolist()}
    content["diameter_voxels"] = 10.0
    content |= {"rival": [0.0] * 200, "network": [0.5] * 200, "blob": [0.0] * 200}
    if known:
        content |= {"correct": correct.tolist(), "true": int(correct.sum())}
    path.write_text(json.dumps({"1KP8": content}))
    return path


@pytest.mark.parametrize(
    ("annotated", "tomograms", "middle"), [(0, 2, 0.3), (1, 3, 0.5), (2, 2, 0.8)]
)
def test_two_annotated_tomograms_replace_simulated_ones(annotated, tomograms, middle, tmp_path):
    simulated = [candidates(tmp_path / f"s{n}.json", 0.3, seed=n) for n in range(2)]
    own = [candidates(tmp_path / f"a{n}.json", 0.8, seed=9 + n) for n in range(annotated)]
    own.append(candidates(tmp_path / "of_others.json", 0.1, known=False))
    fit, table = tmp_path / "fit.json", tmp_path / "expected.csv"
    calibrate_targets(simulated, own, ["1KP8"], 0.1, calibration=fit, table=table)
    rows = pd.read_csv(table)
    assert set(rows["tomograms"]) == {tomograms}
    assert set(rows["annotated"]) == {annotated}
    found = json.loads(fit.read_text())["1KP8"]
    assert -(found["intercept"] + 0.5 * found["slopes"][2]) / found["slopes"][0] == pytest.approx(
        middle, abs=0.15
    )


@pytest.fixture
def tomogram(tmp_path):
    volume = np.random.default_rng(0).normal(size=(40, 40, 40)).astype(np.float32)
    write_mrc(tmp_path / "mine.mrc", volume, 10.0)
    return open_tomogram(tmp_path / "mine.mrc", protein="dark")


def annotations(folder, *classes):
    lines = [f"mine,{name},{50 + n}.0,60.0,70.0,1.0" for n, name in enumerate(classes)]
    titles = "tomogram,class,x_angstrom,y_angstrom,z_angstrom,score"
    (folder / "known.csv").write_text("\n".join([titles, *lines, ""]))
    return folder / "known.csv"


def test_annotations_by_target(tomogram, tmp_path):
    found = _annotated(annotations(tmp_path, "1KP8", "2AWB"), tomogram, ["1KP8", "3DY4"])
    assert [*found] == ["1KP8"]
    np.testing.assert_allclose(found["1KP8"].centres[0], [7, 6, 5])
    nameless = _annotated(annotations(tmp_path, "", ""), tomogram, ["1KP8"])
    assert nameless["1KP8"].pdb_ids.tolist() == ["1KP8", "1KP8"]
    with pytest.raises(DataError, match=r"known\.csv: its classes \(2AWB\) name no target; give"):
        _annotated(annotations(tmp_path, "2AWB"), tomogram, ["1KP8", "3DY4"])


def test_one_place_is_picked_for_one_target(tmp_path):
    """The second target fits the first candidate of the first better; the others are apart."""
    centres = {"1KP8": [[20.0, 20, 20], [20, 60, 60]], "2AWB": [[20.0, 22, 20], [60, 20, 20]]}
    scores = {"1KP8": [0.6, 0.7], "2AWB": [0.9, 0.8]}
    found = {
        name: {
            "centres": centres[name],
            "score": scores[name],
            "rival": [0.0, 0.0],
            "network": [0.0, 0.0],
            "blob": [0.0, 0.0],
            "diameter_voxels": 10.0,
        }
        for name in centres
    }
    (tmp_path / "candidates.json").write_text(json.dumps(found))
    fit = {"slopes": [10.0, 0.0, 0.0, 0.0], "intercept": -5.0, "curve": {}}
    (tmp_path / "fit.json").write_text(json.dumps(dict.fromkeys(found, fit)))
    files = dict.fromkeys(("mine", "other"), tmp_path / "candidates.json")
    volumes = dict.fromkeys(files, ((80, 80, 80), 10.0))
    write_picks(files, tmp_path / "fit.json", volumes, 0.5, tmp_path)
    for name in files:
        table = pd.read_csv(tmp_path / name / "candidates.csv")
        assert table["kept"].tolist() == [False, True, True, True]


def test_one_tomogram_of_doubtful_picks_may_have_fewer(tmp_path):
    """The rate is that of a target in all tomograms: the good ones make room for 0.8."""
    volumes, files = {}, {}
    for name, score in (("good", 1.0), ("doubtful", 0.64)):
        volumes[name] = (80, 80, 80), 10.0
        content = {
            "centres": [[20.0, 20, 20]], "score": [score], "rival": [0.0], "network": [0.0],
            "blob": [0.0], "diameter_voxels": 10.0,
        }  # fmt: skip
        files[name] = tmp_path / f"{name}.json"
        files[name].write_text(json.dumps({"1KP8": content}))
    fit = {"1KP8": {"slopes": [10.0, 0.0, 0.0, 0.0], "intercept": -5.0}}
    (tmp_path / "fit.json").write_text(json.dumps(fit))
    counts = {}
    for some in (["good", "doubtful"], ["doubtful"]):
        chosen = {name: files[name] for name in some}
        write_picks(chosen, tmp_path / "fit.json", volumes, 0.15, tmp_path / "picks")
        tables = [pd.read_csv(tmp_path / "picks" / name / "candidates.csv") for name in some]
        counts[len(some)] = sum(int(table["kept"].sum()) for table in tables)
    assert counts == {2: 2, 1: 0}


def test_rivals_are_of_calibrations_without_the_tomogram(tmp_path):
    """What is right for another target in a tomogram moves nothing of what is expected of it."""
    paths = []
    for n in range(3):
        rng = np.random.default_rng(n)
        content = {}
        for target in ("1KP8", "2AWB"):
            scores = rng.random(60)
            content[target] = {
                "centres": rng.uniform(0, 60, (60, 3)).tolist(), "score": scores.tolist(),
                "rival": [0.0] * 60, "network": [0.5] * 60, "blob": [0.0] * 60,
                "diameter_voxels": 10.0,
                "correct": (scores > 0.5).tolist(), "true": 40,
            }  # fmt: skip
        paths.append(tmp_path / f"{n}.json")
        paths[-1].write_text(json.dumps(content))
    known = [json.loads(path.read_text()) for path in paths]
    used = dict.fromkeys(("1KP8", "2AWB"), range(3))
    before = _by_others(known, used, 1)
    known[1]["2AWB"]["correct"] = (~np.array(known[1]["2AWB"]["correct"])).tolist()
    after = _by_others(known, used, 1)
    for target in used:
        np.testing.assert_array_equal(before[target].scores, after[target].scores)
    assert not np.allclose(_by_others(known, used, 0)["2AWB"].scores, before["2AWB"].scores)
