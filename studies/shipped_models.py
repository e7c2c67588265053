"""Scores of the models that come with ssn3d in an experiment that none of them was trained in.

Run `python studies/shipped_models.py RESULTS --folder somewhere`, RESULTS being those of an
experiment (shards and `splits/random.csv`), or a folder of `whole_tomograms.py` (shards and
`split.csv`), of the target centred or all. Each model of that target segments the test and the
independent subtomograms of each dataset as `ssn3d score` wants them; `leaderboard.external` takes
the folders. Repeat the command to resume.

Writes models.csv (model, network, dataset, snr, part, pixel_accuracy, miou, roi_iou, milliseconds a
subtomogram), which docs/results/models.csv is.
"""

import argparse
import time
from pathlib import Path

import h5py
import numpy as np
import pandas as pd

from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.models.card import FOLDER, Card, model_names
from ssn3d.models.shipped import load_model
from ssn3d.segmentation.evaluation.external_masks import score_predictions
from ssn3d.segmentation.inference.predict import predict_masks
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import open_dataset

PARTS = ("test", "independent")


def segment(name: str, shards: list[Path], split: Path, predictions: Path) -> float:
    """Write the masks of a model; the milliseconds of a subtomogram."""
    data, parts = read_dataset(shards, split)
    rows = np.concatenate([parts[part] for part in PARTS])
    model = load_model(name)
    compute = model.place("auto")
    started = time.perf_counter()
    masks = np.concatenate([m for m, _ in predict_masks(model.network, data, rows, compute)])
    seconds = time.perf_counter() - started
    with h5py.File(predictions, "w") as file:
        file.create_dataset("masks", data=masks, chunks=(1, *masks.shape[1:]), compression="lzf")
        file["tomogram"], file["label"] = data.tomograms[rows].tolist(), data.labels[rows]
    return 1000 * seconds / len(rows)


def shards_of(results: Path) -> dict[str, list[Path]]:
    """Shards of each dataset, whose name is that of the folder of an experiment, else the file."""
    found: dict[str, list[Path]] = {}
    for shard in sorted(results.glob("subtomograms/*/*.h5")):
        found.setdefault(shard.parent.name, []).append(shard)
    for shard in sorted(results.glob("*/*.h5")):
        found.setdefault(shard.stem, []).append(shard)
    return found


def score(name: str, results: Path, dataset: str, folder: Path) -> pd.DataFrame:
    """Score a model on a dataset: a row for each part."""
    card, output = Card.read(FOLDER / f"{name}.json"), folder / f"{name}_{dataset}"
    shards = shards_of(results)[dataset]
    origin = open_dataset(shards).shards[0].origin
    if card.target != origin.target:
        return pd.DataFrame()
    rows_file = output / "rows.csv"
    if not rows_file.exists():
        output.mkdir(parents=True, exist_ok=True)
        (split,) = (*results.glob("splits/random.csv"), *results.glob("split.csv"))
        predictions = output / "predictions.h5"
        milliseconds = segment(name, shards, split, predictions)
        found = score_predictions(
            predictions, shards, split, output, method=f"model {name}", parameters=card.parameters,
            trained_on="tomograms of its own", milliseconds=milliseconds,
        )  # fmt: skip
        about = (name, card.network, dataset, origin.snr_asked)
        names = ("model", "network", "dataset", "snr")
        rows = [dict(zip(names, about, strict=True), part=p) | found[p] for p in PARTS]
        pd.DataFrame(rows).assign(milliseconds=milliseconds).to_csv(rows_file, index=False)
        predictions.unlink()
    return pd.read_csv(rows_file)


def main() -> None:
    """Score all models of the experiment's target on all its datasets."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("results", type=Path, help="folder `results` of an experiment")
    parser.add_argument("--folder", type=Path, required=True, help="for scores and the table")
    parser.add_argument("--models", nargs="+", default=model_names(), choices=model_names())
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--small", action="store_true", help="minimal size; shows that it runs")
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    datasets = sorted(shards_of(arguments.results))
    if arguments.small:
        datasets = datasets[:1]
    with job():
        tables = [
            score(name, arguments.results, dataset, arguments.folder)
            for name in arguments.models
            for dataset in datasets
        ]
    table = pd.concat(tables, ignore_index=True)
    table.to_csv(arguments.folder / "models.csv", index=False, float_format="%.2f")
    print(table.to_string(index=False, float_format="%.2f"))


if __name__ == "__main__":
    main()
