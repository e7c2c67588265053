"""What many tomograms cost on this machine: time, memory and disk.

Run `python benchmarks/scale.py` at the paper's size, or with `--configfile config/demo.yaml`.

- The workflow simulates `--simulate` tomograms in a folder of its own, up to their subtomograms, in
  one run each: seconds, peak memory of a job, bytes on disk a tomogram.
- A network trains on 1, 4 and 16 tomograms (`--tomograms`), each in a process of its own: peak
  memory, and milliseconds a subtomogram. Shards that were not simulated are made up: neither
  depends on what is in them. It trains on some batches drawn from all shards, and validates.
- Streaming against memory: the same batches read from shards that the system's cache does not hold,
  and from arrays, in turn. The best round of each counts; 1 is as fast.
- `snakemake -n` for a thousand tomograms.

The last line of the output is JSON. Memory is that of the process; of a GPU, `gpu_peak_gb` as well.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml

from made_up import REPOSITORY, an_epoch, open_uncached, resident_peak_gb, write_made_up_shards
from ssn3d.config.experiment import Config, load_config
from ssn3d.core.device import gpu_names
from ssn3d.core.provenance import hardware
from ssn3d.segmentation.networks.registry import NETWORKS
from ssn3d.segmentation.settings import TrainingSettings
from ssn3d.subtomograms.samples import Arrays


def workflow(folder: Path, configfiles: Sequence[Path], *arguments: str) -> float:
    """Run the workflow in a folder; return the seconds it took."""
    folder.mkdir(parents=True, exist_ok=True)
    files = ["--configfile", *map(str, configfiles)] if configfiles else []
    command = [sys.executable, "-m", "snakemake", "--snakefile", REPOSITORY / "Snakefile"]
    command += ["--directory", folder, "--cores", "all", *arguments, *files]
    log = folder / "snakemake.log"
    started = time.perf_counter()
    with log.open("w", encoding="utf-8") as output:
        done = subprocess.run(  # noqa: S603 -- the command above
            list(map(str, command)), stdout=output, stderr=output, cwd=REPOSITORY, check=False
        )
    if done.returncode:
        sys.exit(f"the workflow failed:\n{log.read_text(encoding='utf-8')[-3000:]}")
    return time.perf_counter() - started


def simulate(folder: Path, configfiles: Sequence[Path], tomograms: int, config: Config) -> Any:
    """Simulate tomograms up to their subtomograms; return what it cost."""
    names = [f"t{number + 1}" for number in range(tomograms)]
    datasets = list(config.snr.snr_of)
    wanted = [f"results/subtomograms/{d}/{name}.h5" for d in datasets for name in names]
    seconds = workflow(folder, configfiles, *wanted)
    tables = [pd.read_csv(path, sep="\t") for path in folder.rglob("benchmarks/**/*.tsv")]
    jobs = pd.concat(tables, ignore_index=True)
    places = [folder / "results" / "tomograms", folder / "results" / "subtomograms"]
    size = sum(f.stat().st_size for place in places for f in place.rglob("*") if f.is_file())
    return {
        "seconds": round(seconds, 1),
        "seconds_per_tomogram": round(seconds / tomograms, 1),
        "job_seconds_per_tomogram": round(float(jobs["s"].sum()) / tomograms, 1),
        "peak_gb": round(float(jobs["max_rss"].max()) * 2**20 / 1e9, 2),
        "gb_per_tomogram": round(size / 1e9 / tomograms, 4),
    }


def training_cost(
    shards: Sequence[Path], name: str, settings: TrainingSettings, batches: int, threads: int
) -> dict[str, float]:
    """Peak memory and speed of some batches of a training; in a process of its own."""
    torch.set_num_threads(threads)
    dataset = open_uncached(shards)
    result = an_epoch(dataset, name, settings, batches, shards[0].with_suffix(".pt"))
    shards[0].with_suffix(".pt").unlink()
    subtomograms = (batches + 1 / 3) * settings.batch_size  # validation is a third of the work
    cost = {
        "subtomograms": len(dataset),
        "peak_gb": round(resident_peak_gb(), 3),
        "ms_per_subtomogram": round(1e3 * result.seconds / subtomograms, 2),
    }
    if result.device == "cuda":
        cost["gpu_peak_gb"] = round(torch.cuda.max_memory_allocated() / 1e9, 2)
    return cost


def streaming_speed(
    shards: Sequence[Path], name: str, settings: TrainingSettings, batches: int, rounds: int
) -> float:
    """Speed of a training from disk over that of one from memory, in turn in one process."""
    micro = an_epoch(open_uncached(shards), name, settings, 1, None).micro_batch_size
    fixed = settings.model_copy(update={"micro_batch_size": micro})
    dataset = open_uncached(shards)
    arrays = Arrays(*dataset.read(np.arange(len(dataset))))
    seconds: dict[str, list[float]] = {"disk": [], "memory": []}
    for _ in range(rounds):
        for place, samples in {"disk": open_uncached(shards), "memory": arrays}.items():
            seconds[place].append(an_epoch(samples, name, fixed, batches, None).seconds)
    print(f"seconds of {batches} batches: {seconds}")
    return min(seconds["memory"]) / min(seconds["disk"])


def options() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--configfile", type=Path, nargs="*", default=[], help="over config.yaml")
    parser.add_argument("--tomograms", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--simulate", type=int, nargs="*", default=[1], help="of --tomograms")
    parser.add_argument("--network", default="SSN3D-ED", choices=NETWORKS)
    parser.add_argument("--batches", type=int, default=2, help="of training, for each measurement")
    parser.add_argument("--rounds", type=int, default=3, help="of streaming against memory")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--folder", type=Path, help="for all files, and left; default: none is")
    return parser.parse_args()


def measure(asked: argparse.Namespace, folder: Path) -> dict[str, Any]:
    """Measure all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    files = [path.resolve() for path in asked.configfile]
    config = load_config(REPOSITORY / "config.yaml", *files)
    settings = config.training
    count = config.subtomograms.count
    simulation, training = {}, {}
    for number in asked.tomograms:
        place = folder / f"{number}"
        if number in asked.simulate:
            extra = folder / f"{number}.yaml"
            extra.write_text(yaml.safe_dump({"tomograms": number}), encoding="utf-8")
            simulation[number] = simulate(place, [*files, extra], number, config)
            print(f"{number} tomograms simulated: {simulation[number]}")
            first = next(iter(config.snr.snr_of))
            shards = sorted((place / "results" / "subtomograms" / first).glob("t*.h5"))
        else:
            made = 3380 if count == "all" else count
            size = config.subtomograms.size_voxels
            shards = write_made_up_shards(folder / "made_up", number, made, size)
        with ProcessPoolExecutor(1, get_context("spawn")) as pool:
            arguments = (shards, asked.network, settings, asked.batches, asked.threads)
            training[number] = pool.submit(training_cost, *arguments).result()
        print(f"{number} tomograms trained on: {training[number]}")
        if number == min(asked.tomograms):
            smallest = shards
    torch.set_num_threads(asked.threads)
    speed = streaming_speed(smallest, asked.network, settings, asked.batches, asked.rounds)
    thousand = folder / "thousand.yaml"
    thousand.write_text("tomograms: 1000\n", encoding="utf-8")
    return {
        "training_peak_gb": {number: cost["peak_gb"] for number, cost in training.items()},
        "streaming_speed_vs_memory": round(speed, 3),
        "gb_per_tomogram_at_rest": {n: cost["gb_per_tomogram"] for n, cost in simulation.items()},
        "dry_run_1000_seconds": round(workflow(folder / "dry", [*files, thousand], "-n"), 1),
        "simulation": simulation,
        "training": training,
        "network": asked.network,
        "threads": asked.threads,
        **hardware(),
        "gpus": gpu_names(),
    }


def main() -> None:
    """Measure and print."""
    asked = options()
    with tempfile.TemporaryDirectory() as temporary:
        found = measure(asked, (asked.folder or Path(temporary)).resolve())
    print(json.dumps(found))


if __name__ == "__main__":
    main()
