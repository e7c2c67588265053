"""What bounds a score: the same network and training without noise, and without the missing wedge.

Run `python studies/bounds.py RESULTS --folder somewhere`, RESULTS being those of several
tomograms (`config/models.yaml`) with their volumes (`keep: all`); `--no-wedge OTHER` adds those
of its first and last tomogram imaged from -90 to 90 degrees, with its `splits`. Repeat the command
to resume. Each row is a training at one SNR on subtomograms of the first tomogram, the same
particles in every row, scored at that SNR on the validation subtomograms of the last.

Writes bounds.csv (tilt_max_deg, snr, miou, its 95% interval over subtomograms), which
docs/results/bounds.csv is. An infinite SNR is the tomogram without noise.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from ablation import NO_NOISE, Variant, command_line, noiseless, parse, score_on, shards, train_on
from ssn3d.core.device import use_threads
from ssn3d.core.log import job, logger
from ssn3d.core.seeds import generator
from ssn3d.report.bootstrap import mean_interval
from ssn3d.subtomograms.store import open_shard


def bound(tilt_max_deg: int, dataset: str, arguments: argparse.Namespace) -> pd.DataFrame:
    """Train and score on one kind of tomogram: a row."""
    path = arguments.folder / f"{dataset}.csv"
    if not path.exists():
        first, last = (
            noiseless(arguments, part)
            if dataset == NO_NOISE
            else shards(arguments.results, dataset, part)
            for part in (slice(1), slice(-1, None))
        )
        result = train_on(first, Variant(), 0, arguments)
        scores = score_on(last, result.network, result.precision, arguments)["miou"].to_numpy()
        rng = generator(0, "bounds", dataset)
        low, high = mean_interval(scores, np.full(len(scores), "t"), rng)
        row = {
            "tilt_max_deg": tilt_max_deg,
            "snr": open_shard(last[0]).origin.snr_asked,
            "miou": scores.mean(),
            "miou_low": low,
            "miou_high": high,
        }
        rounded = dict.fromkeys(("miou", "miou_low", "miou_high"), 2)
        pd.DataFrame([row]).round(rounded).to_csv(path, index=False)
        logger.info("tilts to %d degrees, %s: scored", tilt_max_deg, dataset)
    return pd.read_csv(path)


def main() -> None:
    """Train, score, write the table."""
    parser = command_line(__doc__)
    parser.add_argument("--no-wedge", type=Path, help="results without the wedge")
    arguments = parse(parser)
    use_threads(arguments.threads)
    rows, folder = [], arguments.folder
    given = {60: arguments.results, 90: arguments.no_wedge}
    with job():
        for tilt_max_deg, results in given.items():
            if results is None:
                continue
            arguments.results, arguments.folder = results, folder / f"tilts_{tilt_max_deg}"
            arguments.folder.mkdir(parents=True, exist_ok=True)
            datasets = sorted(f.name for f in (results / "subtomograms").iterdir())
            datasets = datasets[:1] if arguments.small else datasets
            rows += [bound(tilt_max_deg, name, arguments) for name in [NO_NOISE, *datasets]]
    table = pd.concat(rows, ignore_index=True)
    table.to_csv(folder / "bounds.csv", index=False)
    print(table.to_string(index=False))


if __name__ == "__main__":
    main()
