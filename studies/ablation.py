"""What each ingredient of the recipe for low SNR is worth, one at a time, on validation data.

Run `python studies/ablation.py RESULTS --folder somewhere`, RESULTS being those of several
tomograms (`config/models.yaml`) with their volumes (`keep: all`); repeat the command to resume.
All variants have as many subtomograms and epochs, of the first tomogram where not said otherwise.
Each is scored at each SNR on the validation subtomograms of the last tomogram, which none is
trained on. No test data are read.

Writes a table (variant, network, trained_on, snr, miou, gain over the first variant on the same
subtomograms with its 95% interval over subtomograms), which docs/results/ablation.csv is; the last
line of the output is JSON. `another seed` and `a third seed` differ from the first variant in
nothing else: a gain that is no larger than theirs is none. README.md says which rows of the table
an earlier version measured.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from ingredients import Shifted, without_noise
from ssn3d.config.experiment import load_config
from ssn3d.core.device import use_threads
from ssn3d.core.log import job, logger
from ssn3d.core.provenance import fingerprint
from ssn3d.core.seeds import generator
from ssn3d.report.bootstrap import mean_interval
from ssn3d.segmentation.evaluation.metrics import miou, score_masks
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import predict_masks
from ssn3d.segmentation.training.train import TrainingResult, train
from ssn3d.subtomograms.steps import read_dataset
from ssn3d.subtomograms.store import Dataset, open_dataset

TRAINING = load_config(Path(__file__).parents[1] / "config.yaml").training
NO_NOISE = "no_noise"
"""Stands for the tomograms without noise, as the names of datasets do for the others."""
PLAIN = {"batch_size": 2, "micro_batch_size": 2, "learning_rate_decay": "cosine"}
FLIPS = [[2 + i for i, flip in enumerate(f) if flip] for f in product((False, True), repeat=3)]


@dataclass(frozen=True)
class Variant:
    """A network, its training beyond the plain one, and how it predicts."""

    network: str = "ResUNet"
    settings: dict[str, Any] = field(default_factory=dict)
    datasets: str = "all"
    """The name of the one that is trained on, or all."""
    tomograms: int = 1
    """How many are trained on."""
    seeds: tuple[int, ...] = (0,)
    """Of the trainings whose probabilities are averaged."""
    flips: bool = False
    """Whether probabilities are averaged over the eight flips as well."""
    shifts: bool = False
    """Whether training particles are off the centre."""


VARIANTS = {
    "plain": Variant(),
    "another seed": Variant(seeds=(1,)),
    "a third seed": Variant(seeds=(2,)),
    "three seeds averaged": Variant(seeds=(0, 1, 2)),
    "flips at prediction": Variant(flips=True),
    "UNet": Variant("UNet"),
    "SSN3D-ED": Variant("SSN3D-ED"),
    "Dice": Variant(settings={"loss": "cross_entropy_and_dice"}),
    "hyperbolic decay": Variant(settings={"learning_rate_decay": 0.003}),
    "averaged weights": Variant("ResUNet, averaged weights"),
    "flips in training": Variant("ResUNet, flips"),
    "flips in both": Variant("ResUNet, flips", flips=True),
    "batches of 4": Variant(settings={"batch_size": 4, "micro_batch_size": 4}),
    "three tomograms": Variant(tomograms=3),
    "shifts in training": Variant(shifts=True),
    "contrast in training": Variant("ResUNet, contrast"),
    "noise in training": Variant("ResUNet, noise"),
    "A alone": Variant(datasets="A"),
    "B alone": Variant(datasets="B"),
    "C alone": Variant(datasets="C"),
    "D alone": Variant(datasets="D"),
}
SMALL = ["flips in training"]


class Averaged(nn.Module):
    """The mean probability of networks, in several orientations."""

    def __init__(self, networks: Sequence[nn.Module], flips: Sequence[list[int]]) -> None:
        super().__init__()
        self.networks, self.flips = nn.ModuleList(networks), flips

    def forward(self, images: Tensor) -> Tensor:
        """Map images (n, 1, s, s, s) to logits (n, 2, s, s, s)."""
        probabilities = [
            network(images.flip(dims)).float().softmax(dim=1).flip(dims)
            for network in self.networks
            for dims in self.flips
        ]
        return torch.stack(probabilities).mean(dim=0).log()


def shards(results: Path, datasets: str, tomograms: slice) -> list[Path]:
    """Shards of one dataset or all, and of some tomograms."""
    folders = sorted((results / "subtomograms").iterdir())
    wanted = [f for f in folders if datasets in {"all", f.name}]
    return [path for folder in wanted for path in sorted(folder.glob("t*.h5"))[tomograms]]


def share_of(rows: np.ndarray, dataset: Dataset, seed: int, count: int) -> np.ndarray:
    """Take so many rows at random, whichever SNRs there are."""
    return np.sort(generator(seed, "ablation", dataset.name).permutation(rows)[:count])


def train_on(
    paths: list[Path], variant: Variant, seed: int, arguments: argparse.Namespace
) -> TrainingResult:
    """Train a network on some shards, or take it from its checkpoint."""
    data, rows = read_dataset(paths, arguments.results / "splits" / "random.csv")
    chosen = share_of(rows["train"], data, arguments.seed, arguments.subtomograms)
    changes = PLAIN | {"epochs": arguments.epochs} | variant.settings
    settings = type(TRAINING).model_validate(TRAINING.model_dump() | changes)
    name = fingerprint(
        {
            "paths": [*map(str, paths)],
            "network": variant.network,
            "shifts": variant.shifts,
            **changes,
        }
    )[:12]
    return train(
        Shifted.at(data, chosen, arguments.seed) if variant.shifts else data,
        chosen,
        share_of(rows["validation"], data, arguments.seed, 60),
        variant.network,
        settings=settings,
        seed=arguments.seed + seed,
        run_name="ablation",
        checkpoint_path=arguments.folder / f"{name}_{seed}.pt",
    )


def noiseless(arguments: argparse.Namespace, tomogram: slice) -> list[Path]:
    """Shards of the tomograms without noise, which they are made of where they are not there."""
    first = min(path.name for path in (arguments.results / "subtomograms").iterdir())
    noisy = shards(arguments.results, first, tomogram)
    signals = [arguments.results / "tomograms" / p.stem / "signal.mrc" for p in noisy]
    folder = arguments.folder / NO_NOISE
    return [without_noise(*pair, folder) for pair in zip(noisy, signals, strict=True)]


def trained(variant: Variant, seed: int, arguments: argparse.Namespace) -> TrainingResult:
    """Train a variant's network, or take it from its checkpoint."""
    paths = shards(arguments.results, variant.datasets, slice(variant.tomograms))
    return train_on(paths, variant, seed, arguments)


def scores_of(variant: Variant, arguments: argparse.Namespace) -> pd.DataFrame:
    """Train a variant, and score the last tomogram's validation subtomograms at every SNR."""
    results = [trained(variant, seed, arguments) for seed in variant.seeds]
    flips = FLIPS if variant.flips else FLIPS[:1]
    network = Averaged([result.network for result in results], flips)
    paths = shards(arguments.results, "all", slice(-1, None))
    return score_on(paths, network, results[0].precision, arguments)


def score_on(
    paths: list[Path], network: nn.Module, precision: str, arguments: argparse.Namespace
) -> pd.DataFrame:
    """Score the validation subtomograms of some shards: dataset, and mIoU."""
    data, rows = read_dataset(paths, arguments.results / "splits" / "random.csv")
    compute = Compute.pick("cpu", precision)
    found = predict_masks(network, data, rows["validation"], compute)
    scores = miou(pd.concat([score_masks(*pair) for pair in found], ignore_index=True))
    return pd.DataFrame({"dataset": data.datasets[rows["validation"]], "miou": scores})


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
                    "network": variant.network.partition(",")[0],
                    "trained_on": variant.datasets,
                    "snr": snr_of[str(dataset)],
                    "miou": some["miou"].mean(),
                    "gain": gain.mean(),
                    "gain_low": low,
                    "gain_high": high,
                }
            )
    return pd.DataFrame(rows).round(dict.fromkeys(("miou", "gain", "gain_low", "gain_high"), 2))


def command_line(description: str) -> argparse.ArgumentParser:
    """Say what a comparison of trainings is told."""
    parser = argparse.ArgumentParser(description=description.split("\n", maxsplit=1)[0])
    parser.add_argument("results", type=Path, help="folder `results` of an experiment")
    parser.add_argument("--folder", type=Path, required=True, help="for checkpoints and scores")
    parser.add_argument("--subtomograms", type=int, default=1200, help="to train on")
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=2018)
    parser.add_argument("--small", action="store_true", help="minimal size; shows that it runs")
    return parser


def parse(parser: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line."""
    arguments = parser.parse_args()
    if arguments.small:
        arguments.subtomograms, arguments.epochs = 8, 1
    return arguments


def main() -> None:
    """Train, score, write the table."""
    parser = command_line(__doc__)
    parser.add_argument("--variants", nargs="+", default=list(VARIANTS), choices=VARIANTS)
    arguments = parse(parser)
    variants = ["plain", *SMALL] if arguments.small else arguments.variants
    use_threads(arguments.threads)
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with job():
        for name in variants:
            path = arguments.folder / f"{name}.csv"
            if not path.exists():
                scores_of(VARIANTS[name], arguments).to_csv(path, index=False)
                logger.info("%s: scored", name)
    done = [name for name in VARIANTS if (arguments.folder / f"{name}.csv").exists()]
    scores = {name: pd.read_csv(arguments.folder / f"{name}.csv") for name in done}
    last = open_dataset(shards(arguments.results, "all", slice(-1, None)))
    snr_of = {shard.origin.dataset: shard.origin.snr_asked for shard in last.shards}
    table = table_of(scores, snr_of)
    table.to_csv(arguments.folder / "ablation.csv", index=False)
    print(table.to_string(index=False))
    wide = table.pivot_table(index="variant", columns="snr", values="miou")
    print(json.dumps({"miou": wide.round(2).to_dict("index")}))


if __name__ == "__main__":
    main()
