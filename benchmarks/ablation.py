"""What each ingredient of the recipe for low SNR is worth, one at a time, on validation data.

Run `python benchmarks/ablation.py RESULTS --folder somewhere`, RESULTS being those of an experiment
(shards of its datasets and `splits/random.csv`); repeat the command to resume. All variants see the
same subtomograms, a share of the training set at every SNR, for as many epochs; each is scored on
the validation set at each SNR. No test data are read.

Writes a table (variant, network, trained_on, snr, miou, difference to the first variant on the same
subtomograms with its 95% interval, seconds of training a subtomogram), which
docs/results/ablation.csv is; the last line of the output is JSON.
"""

import argparse
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from made_up import PAPER
from ssn3d.device import use_threads
from ssn3d.log import job, logger
from ssn3d.report.bootstrap import mean_interval
from ssn3d.seeds import generator
from ssn3d.segmentation.compute import Compute
from ssn3d.segmentation.metrics import miou, score_masks
from ssn3d.segmentation.predict import predict_masks
from ssn3d.segmentation.train import train
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import Dataset

PLAIN = {"batch_size": 2, "micro_batch_size": 2, "learning_rate_decay": "cosine"}


@dataclass(frozen=True)
class Variant:
    """A network, and what its training has beyond the plain one."""

    network: str = "ResUNet"
    settings: dict[str, Any] = field(default_factory=dict)
    datasets: str = "all"
    """Names of those trained on, joined by +; or all."""


VARIANTS = {
    "plain": Variant(),
    "UNet": Variant("UNet"),
    "SSN3D-ED": Variant("SSN3D-ED"),
    "hyperbolic decay": Variant(settings={"learning_rate_decay": 0.003}),
    "averaged weights": Variant(settings={"weights_average_decay": 0.99}),
    "Dice": Variant(settings={"loss": "cross_entropy_and_dice"}),
    "flips": Variant(settings={"flips": True}),
    "batches of 4": Variant(settings={"batch_size": 4, "micro_batch_size": 4}),
    "A alone": Variant(datasets="A"),
    "B alone": Variant(datasets="B"),
    "C alone": Variant(datasets="C"),
}


def shards(results: Path, datasets: str) -> list[Path]:
    """Shards to train on, of one dataset or all."""
    folders = sorted((results / "subtomograms").iterdir())
    wanted = [f for f in folders if datasets in {"all", f.name}]
    return [path for folder in wanted for path in sorted(folder.glob("t*.h5"))]


def share_of(rows: np.ndarray, dataset: Dataset, seed: int, count: int) -> np.ndarray:
    """Take so many rows at random, whichever SNRs there are."""
    return np.sort(generator(seed, "ablation", dataset.name).permutation(rows)[:count])


def scores_of(name: str, variant: Variant, arguments: argparse.Namespace) -> pd.DataFrame:
    """Train a variant, and score every validation subtomogram at every SNR."""
    results, split = arguments.results, arguments.results / "splits" / "random.csv"
    data, rows = read_dataset(shards(results, variant.datasets), split)
    changes = PLAIN | {"epochs": arguments.epochs} | variant.settings
    settings = type(PAPER.training).model_validate(PAPER.training.model_dump() | changes)
    trained = train(
        data,
        share_of(rows["train"], data, arguments.seed, arguments.subtomograms),
        share_of(rows["validation"], data, arguments.seed, 60),
        variant.network,
        settings=settings,
        seed=arguments.seed,
        run_name=f"ablation/{name}",
        checkpoint_path=arguments.folder / f"{name}.pt",
    )
    everything, rows = read_dataset(shards(results, "all"), split)
    compute = Compute.pick("cpu", trained.precision)
    found = predict_masks(trained.network, everything, rows["validation"], compute)
    scores = miou(pd.concat([score_masks(*pair) for pair in found], ignore_index=True))
    return pd.DataFrame(
        {
            "dataset": everything.datasets[rows["validation"]],
            "miou": scores,
            "seconds": trained.seconds / (arguments.subtomograms * len(trained.history)),
        }
    )


def table_of(scores: dict[str, pd.DataFrame], snr_of: dict[str, float]) -> pd.DataFrame:
    """Give a row for each variant and SNR, with the difference to the first variant."""
    rows, plain = [], next(iter(scores.values()))
    for name, table in scores.items():
        for dataset, some in table.groupby("dataset"):
            gain = some["miou"].to_numpy() - plain.loc[some.index, "miou"].to_numpy()
            rng = generator(0, "ablation", name, str(dataset))
            low, high = mean_interval(gain, np.full(len(gain), "t1"), rng)
            variant = VARIANTS[name]
            rows.append(
                {
                    "variant": name,
                    "network": variant.network,
                    "trained_on": variant.datasets,
                    "snr": snr_of[str(dataset)],
                    "miou": some["miou"].mean(),
                    "gain": gain.mean(),
                    "gain_low": low,
                    "gain_high": high,
                    "ms_a_subtomogram": 1000 * some["seconds"].iloc[0],
                }
            )
    return pd.DataFrame(rows)


def main() -> None:
    """Train, score, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("results", type=Path, help="folder `results` of an experiment")
    parser.add_argument("--folder", type=Path, required=True, help="for checkpoints and scores")
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    parser.add_argument("--subtomograms", type=int, default=1200, help="to train on")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2018)
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with job():
        for name in arguments.variants:
            path = arguments.folder / f"{name}.csv"
            if not path.exists():
                scores_of(name, VARIANTS[name], arguments).to_csv(path, index=False)
                logger.info("%s: scored", name)
    done = [name for name in VARIANTS if (arguments.folder / f"{name}.csv").exists()]
    scores = {name: pd.read_csv(arguments.folder / f"{name}.csv") for name in done}
    table = table_of(scores, {d.name: d.snr for d in PAPER.snr.datasets})
    table.to_csv(arguments.folder / "ablation.csv", index=False, float_format="%.2f")
    print(table.to_string(index=False, float_format="%.2f"))
    wide = table.pivot_table(index="variant", columns="snr", values="miou")
    print(json.dumps({"miou": wide.round(2).to_dict("index")}))


if __name__ == "__main__":
    main()
