"""Calibration on files: simulated tomograms, and annotated ones of the user's."""

import json

import numpy as np
import pandas as pd
import pytest
import starfile

from ssn3d.core.errors import DataError
from ssn3d.find.picks import _by_others, _scored, calibrate_targets, write_picks
from ssn3d.find.report import _found
from ssn3d.find.steps import _annotated
from ssn3d.io.mrc import write_mrc
from ssn3d.io.tomogram import open_tomogram

FIT = {"slopes": [10.0, 0.0, 0.0, 0.0], "intercept": -5.0}
VOLUME = (80, 80, 80), 10.0
"""Shape and voxel size."""


def content(centres, scores, middle=None):
    """Candidates for a target that differ in one score; right are those above the middle."""
    found = dict.fromkeys(("rival", "network", "blob"), [0.0] * len(scores))
    found |= {"centres": np.array(centres).tolist(), "score": np.array(scores).tolist()}
    if middle is not None:
        correct = np.array(scores) > middle
        found |= {"correct": correct.tolist(), "true": int(correct.sum())}
    return found | {"diameter_voxels": 10.0}


def written(path, **targets):
    path.write_text(json.dumps(targets))
    return path


def candidates(path, middle, seed=0):
    """Write 200 candidates, of which scores above a middle are right."""
    scores = np.random.default_rng(seed).random(200)
    return written(path, **{"1KP8": content(np.zeros((200, 3)), scores, middle)})


@pytest.mark.parametrize(
    ("annotated", "tomograms", "middle"), [(0, 2, 0.3), (1, 3, 0.5), (2, 2, 0.8)]
)
def test_two_annotated_tomograms_replace_simulated_ones(annotated, tomograms, middle, tmp_path):
    simulated = [candidates(tmp_path / f"s{n}.json", 0.3, seed=n) for n in range(2)]
    own = [candidates(tmp_path / f"a{n}.json", 0.8, seed=9 + n) for n in range(annotated)]
    own.append(candidates(tmp_path / "of_others.json", None))
    fit, table = tmp_path / "fit.json", tmp_path / "expected.csv"
    calibrate_targets(simulated, own, ["1KP8"], 0.1, calibration=fit, table=table)
    rows = pd.read_csv(table)
    assert set(rows["tomograms"]) == {tomograms}
    assert set(rows["annotated"]) == {annotated}
    found = json.loads(fit.read_text())["1KP8"]
    assert -found["intercept"] / found["slopes"][0] == pytest.approx(middle, abs=0.15)


def test_few_particles_are_named(tmp_path, caplog):
    for middle, warned in ((0.5, False), (0.95, True)):  # 200 or 20 particles
        caplog.clear()
        files = [candidates(tmp_path / f"{n}.json", middle, seed=n) for n in range(2)]
        outputs = {"calibration": tmp_path / "fit.json", "table": tmp_path / "expected.csv"}
        calibrate_targets(files, [], ["1KP8"], 0.1, **outputs)
        assert ("uncertain; simulate more tomograms" in caplog.text) == warned


def test_candidates_like_the_structure_are_counted():
    rows = {"target": ["1KP8", "1KP8", "3DY4"], "score": [0.2, 0.3, 0.6]}
    found = {"mine": pd.DataFrame(rows | {"probability": [0.1, 0.7, 0.8], "kept": [0, 1, 1]})}
    known = {"target": ["1KP8", "3DY4", "2AWB"], "quartile_score": [0.4, 0.5, np.nan]}
    lines = _found(found, pd.DataFrame(known))
    assert lines[2:5] == [
        "| mine | 1KP8 | 1 | 0.7 | 2 | 0 |",
        "| mine | 3DY4 | 1 | 0.8 | 1 | 1 |",
        "| mine | 2AWB | 0 | 0.0 | 0 | - |",
    ]


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
    found = {name: content(centres[name], scores[name]) for name in centres}
    fits = written(tmp_path / "fit.json", **dict.fromkeys(found, FIT))
    files = dict.fromkeys(("mine", "other"), written(tmp_path / "candidates.json", **found))
    write_picks(files, fits, dict.fromkeys(files, VOLUME), 0.5, tmp_path)
    for name in files:
        table = pd.read_csv(tmp_path / name / "candidates.csv")
        assert table["kept"].tolist() == [False, True, True, True]
        assert len(starfile.read(tmp_path / name / "1KP8_candidates.star")) == 1


def test_picks_are_the_most_probable_candidates(tmp_path):
    scores = [0.3, 1.0, 0.5, 0.9]
    one = content([[20.0, 20, x] for x in (10, 30, 50, 70)], scores)
    fits = written(tmp_path / "fit.json", **{"1KP8": FIT})
    files = {"mine": written(tmp_path / "candidates.json", **{"1KP8": one})}
    write_picks(files, fits, {"mine": VOLUME}, 0.15, tmp_path)
    picks, ranked = (
        starfile.read(tmp_path / "mine" / f"1KP8{end}.star") for end in ("", "_candidates")
    )
    assert 0 < len(picks) < len(ranked) == len(scores)
    pd.testing.assert_frame_equal(picks, ranked[: len(picks)])
    x = ranked["rlnCenteredCoordinateXAngst"].to_numpy()
    np.testing.assert_allclose(np.diff(x) / VOLUME[1], [40, -20, -40])
    assert (np.diff(ranked["rlnAutopickFigureOfMerit"]) < 0).all()


def test_one_tomogram_of_doubtful_picks_may_have_fewer(tmp_path):
    """The rate is that of a target in all tomograms: the good ones make room for 0.8."""
    files = {
        name: written(tmp_path / f"{name}.json", **{"1KP8": content([[20.0, 20, 20]], [score])})
        for name, score in {"good": 1.0, "doubtful": 0.64}.items()
    }
    fits, counts = written(tmp_path / "fit.json", **{"1KP8": FIT}), {}
    for some in (["good", "doubtful"], ["doubtful"]):
        chosen = {name: files[name] for name in some}
        write_picks(chosen, fits, dict.fromkeys(files, VOLUME), 0.15, tmp_path / "picks")
        tables = [pd.read_csv(tmp_path / "picks" / name / "candidates.csv") for name in some]
        counts[len(some)] = sum(int(table["kept"].sum()) for table in tables)
    assert counts == {2: 2, 1: 0}


def test_rivals_are_of_calibrations_without_the_tomogram():
    """What is right for another target in a tomogram moves nothing of what is expected of it."""
    known = []
    for n in range(3):
        rng = np.random.default_rng(n)
        known.append(
            {
                target: content(rng.uniform(0, 60, (60, 3)), rng.random(60), 0.5)
                for target in ("1KP8", "2AWB")
            }
        )

    def probabilities(row):
        scored = {target: _scored(known, 3, target) for target in ("1KP8", "2AWB")}
        return {target: one.scores for target, one in _by_others(known[row], scored, row).items()}

    before = probabilities(1)
    known[1]["2AWB"]["correct"] = (~np.array(known[1]["2AWB"]["correct"])).tolist()
    np.testing.assert_equal(probabilities(1), before)
    assert not np.allclose(probabilities(0)["2AWB"], before["2AWB"])
