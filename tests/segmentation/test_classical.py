"""Classical baselines on scenes with known answers, and their run."""

import numpy as np
import pandas as pd
import pytest
from scenes import ball, image_of, iou

from datasets import particles_of, write_shard_of, write_split_of
from sections import section
from ssn3d.core.errors import DataError
from ssn3d.experiment.runs import ORACLE, OTSU, path_name
from ssn3d.io.files import read_json
from ssn3d.segmentation.baseline.classical import LEVELS, best_level, segment_by_threshold
from ssn3d.segmentation.baseline.steps import baseline_run, search_run
from ssn3d.subtomograms.samples import Arrays

PARAMETERS = section("baseline").unsupervised


BALLS = {radius: ball(radius, (12, 12, 12), 24) for radius in (3, 4, 5)}


def test_otsu():
    target, other = BALLS[4], ball(2, (12, 12, 22), 24)
    image = image_of(target | other, noise=0.1)
    mask, outcome = segment_by_threshold(image, PARAMETERS, None)
    assert outcome == "segmented"
    assert iou(mask, target) > 0.4
    assert not (mask & other).any()
    assert np.array_equal(mask, segment_by_threshold(7 + 3 * image, PARAMETERS, None)[0])


@pytest.mark.parametrize(
    ("level", "radius", "outcome"),
    [(50.0, 4, "nothing above threshold"), (4.0, 0, "no cluster at the centre")],
)
def test_reason_of_empty_mask(level, radius, outcome):
    image = image_of(BALLS[4] if radius else ball(2, (12, 12, 21), 24), 0.3)
    mask, why = segment_by_threshold(image, PARAMETERS, level)
    assert (mask.any(), why) == (False, outcome)


def test_oracle_has_the_best_level():
    masks = np.stack([BALLS[radius] for radius in (3, 4, 5)])
    samples = Arrays(np.stack([image_of(m, 0.5, i) for i, m in enumerate(masks)]), masks * 1)
    rows = np.arange(3)

    def mean_iou(level):
        found = [segment_by_threshold(image, PARAMETERS, level)[0] for image in samples.images]
        return float(np.mean([iou(*pair) for pair in zip(found, masks, strict=True)]))

    best = best_level(samples, rows, PARAMETERS, workers=1)
    assert mean_iou(best) == pytest.approx(max(map(mean_iou, LEVELS)))
    assert mean_iou(best) >= mean_iou(None) - 0.02  # Otsu's differ by subtomogram


@pytest.mark.parametrize("method", [OTSU, ORACLE])
def test_run(method, tmp_path):
    shards = []
    for name, radii in {"t1": [3, 4, 5, 4], "independent1": [5, 3]}.items():
        masks = np.stack([BALLS[radius] for radius in radii])
        images = np.stack([image_of(mask, 0.3, n) for n, mask in enumerate(masks)])
        particles = particles_of(np.zeros((len(radii), 3)), "1KP8")
        shards.append(write_shard_of(tmp_path / f"{name}.h5", images, masks, particles))
    parts = ["train", "validation", "test", "test", "independent", "independent"]
    split = tmp_path / "random.csv"
    write_split_of(split, shards, parts)
    folder = tmp_path / path_name(method) / "A" / "random"
    metrics = baseline_run(shards, split, method, PARAMETERS, folder, seed=1, workers=1)
    assert metrics["independent"]["iou_foreground"] > 50
    table = pd.read_csv(folder / "per_subtomogram.csv")
    assert table["label"].tolist() == [3, 4]
    assert (table["surface_distance"] < 1.5).all()
    record = read_json(folder / "run.json")
    assert (record["method"], record["capacity"]) == (path_name(method), None)
    levels = record["settings"]["levels"]
    assert (levels["test"] is None) == (method == OTSU)


@pytest.mark.parametrize("run", [baseline_run, search_run])
def test_random_places_have_no_particle_at_the_centre(run, tmp_path):
    shards = [
        write_shard_of(tmp_path / f"{name}.h5", np.zeros((3, 8, 8, 8)), target="classes")
        for name in ("t1", "independent1")
    ]
    split, settings = tmp_path / "random.csv", section("baseline")
    write_split_of(split, shards, ["train", "validation", "test", *["independent"] * 3])
    rest = [tmp_path / "s.json", settings]
    if run is baseline_run:
        rest = [OTSU, PARAMETERS, tmp_path / "run"]
    with pytest.raises(DataError, match=r"at random places .*: classes.; choose another target"):
        run(shards, split, *rest, seed=1, workers=1)
