"""Effect of each option of config/realistic.yaml: train with and without it, test on both kinds.

Run `python studies/realism.py --folder somewhere`; repeat the command to resume. Each variant is
an experiment of 400x400x160 voxels in a folder of its own, at one SNR: plain, realistic, and
realistic with one option off. A network is trained on a tomogram of each and tested on independent
tomograms of the plain and of the realistic one, all particles whose cubes lie inside.

Writes a table (trained_on, tested_on, snr, miou, its 95% interval over subtomograms, and the number
of these), which docs/results/realism.csv is; the last line of the output is JSON.
"""

import argparse
import copy
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from ssn3d.core.seeds import generator
from ssn3d.report.bootstrap import mean_interval
from ssn3d.segmentation.evaluation.metrics import miou, score_masks
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import load_network, predict_masks
from ssn3d.subtomograms.store import open_dataset

REPOSITORY = Path(__file__).parents[1]
OPTIONS = {
    "scattering contrast": ("structures", "contrast"),
    "fiducials": ("specimen", "fiducials"),
    "vesicles": ("specimen", "vesicles"),
    "filaments": ("specimen", "filaments"),
    "slab of ice": ("specimen", "ice"),  # and what needs it
    "varied defocus": ("microscope", "optics"),
    "detector": ("microscope", "detector"),
    "dose": ("microscope", "dose"),
    "path through ice": ("microscope", "ice"),
    "alignment errors": ("microscope", "alignment_errors"),
}
"""What may be left out, and its place in config/realistic.yaml."""


SIZE = {
    "specimen": {
        "tomogram_size_voxels": {"x": 400, "y": 400, "z": 160},
        "region_size_voxels": {"x": 500, "y": 500, "z": 250},
        "voxel_size_angstrom": 10.0,
        "particles": 2593,
    },
    "subtomograms": {"size_voxels": 40},
}
"""Voxels of all variants, as in the paper; those of config/demo.yaml are larger."""


def variants() -> dict[str, dict[str, Any]]:
    """Settings of each variant, laid over config/demo.yaml."""
    realistic = yaml.safe_load((REPOSITORY / "config/realistic.yaml").read_text(encoding="utf-8"))
    made = {"plain": {}, "realistic": realistic}
    for name, (section, key) in OPTIONS.items():
        without = copy.deepcopy(realistic)
        del without[section][key]
        if without["specimen"].get("ice") is None:
            without["microscope"].pop("ice", None)
        made[f"realistic without {name}"] = without
    return made


def experiment(arguments: argparse.Namespace) -> dict[str, Any]:
    """What all variants share."""
    return {
        "snr": {"datasets": [{"name": "A", "snr": arguments.snr}]},
        "subtomograms": {"count": arguments.subtomograms, "independent_count": "all"},
        "training": {"epochs": arguments.epochs, "batch_size": 4, "micro_batch_size": 4,
                     "learning_rate_decay": 0.006, "loss": "cross_entropy", "device": "cpu"},
        "tables": {
            "table2": [{"method": arguments.network, "dataset": "A"}],
            "table3": {"method": arguments.network, "dataset": "A", "leave_out": []},
        },
    }  # fmt: skip


def run(folder: Path, settings: dict[str, Any], targets: list[str], cores: int) -> None:
    """Make files of a variant with the workflow."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {folder / "size.yaml": SIZE, folder / "variant.yaml": settings}
    for path, content in files.items():
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    command = [sys.executable, "-m", "snakemake", *targets, "--directory", str(folder)]
    command += ["--cores", str(cores), "--quiet", "all", "--configfile", "config/demo.yaml"]
    subprocess.run([*command, *map(str, files)], cwd=REPOSITORY, check=True)  # noqa: S603 -- our own


def score(weights: Path, shard: Path, trained_on: str, tested_on: str) -> dict[str, Any]:
    """Test a network on the subtomograms of a shard."""
    network, description = load_network(weights)
    dataset = open_dataset([shard])
    compute = Compute.pick("cpu", description["precision"])
    found = predict_masks(compute.place(network), dataset, np.arange(len(dataset)), compute)
    scores = miou(pd.concat([score_masks(*pair) for pair in found], ignore_index=True))
    rng = generator(0, "realism", trained_on, tested_on)
    low, high = mean_interval(np.asarray(scores), dataset.tomograms, rng)
    return {
        "trained_on": trained_on,
        "tested_on": tested_on,
        "snr": dataset.shards[0].origin.snr_asked,
        "miou": scores.mean(),
        "miou_low": low,
        "miou_high": high,
        "subtomograms": len(dataset),
    }


def main() -> None:
    """Simulate, train, test, write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--folder", type=Path, required=True, help="for the experiments")
    parser.add_argument("--network", default="UNet")
    parser.add_argument("--snr", type=float, default=0.1)
    parser.add_argument("--subtomograms", type=int, default=500, help="to train on")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--cores", type=int, default=2)
    arguments = parser.parse_args()
    started = time.perf_counter()
    weights = f"results/runs/{arguments.network}/A/random/weights.pt"
    test = "results/subtomograms/A/independent1.h5"
    folders = {name: arguments.folder / name.replace(" ", "_") for name in variants()}
    for name, settings in variants().items():
        targets = [weights, test] if name in {"plain", "realistic"} else [weights]
        run(folders[name], experiment(arguments) | settings, targets, arguments.cores)
        print(f"{name}: trained, {time.perf_counter() - started:.0f} s", flush=True)
    rows = [
        score(folder / weights, folders[tested_on] / test, trained_on, tested_on)
        for trained_on, folder in folders.items()
        for tested_on in ("plain", "realistic")
    ]
    table = pd.DataFrame(rows)
    table.to_csv(arguments.folder / "realism.csv", index=False, float_format="%.2f")
    print(table.to_string(index=False, float_format="%.2f"))
    wide = table.pivot_table(index="trained_on", columns="tested_on", values="miou")
    print(json.dumps({"miou": wide.round(2).to_dict("index")}))


if __name__ == "__main__":
    main()
