"""Trainings of Tables 2 and 3, or of given runs, in one process tree without Snakemake.

    python benchmarks/train_rows.py results/rows --scratch /tmp/rows --config config.yaml
    python benchmarks/train_rows.py results/rows --scratch /tmp/rows --config config.yaml \
        config/models.yaml --runs ResUNet/A+B+C+D/random --weights

The tomograms are simulated into the scratch folder, each by a process; then the rows are trained in
their order, the first seeds before the others, on a GPU three at a time. The process of the rows
starts CUDA once; jobs of a workflow would start it for each. A row is written to FOLDER when its
scores are known: `NAME.json`, `NAME.csv` (history) and, with `--weights`, `NAME.pt`. The same
command again skips finished rows; with the same scratch folder it also keeps the data, and resumes
trainings from their checkpoints. The baseline, which uses no GPU, is left out.
"""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import torch

from ssn3d.config.experiment import Config, check_config, load_config
from ssn3d.core.device import use_threads
from ssn3d.core.log import job
from ssn3d.core.provenance import fingerprint
from ssn3d.core.threads import TRAINING_THREADS, available_cores
from ssn3d.experiment.runs import BASELINES, JOIN, Run, path_name
from ssn3d.io.files import read_json, write_json
from ssn3d.segmentation.evaluation.steps import evaluate_run
from ssn3d.segmentation.training.steps import train_run
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.structures.steps import prepare_structures
from ssn3d.subtomograms.steps import extract_subtomograms, split_dataset
from tomogram import ROOT, Stages, simulate, with_structures

ROWS_PER_GPU = 3
"""Trainings at a time: one leaves a GPU idle while it saves checkpoints and between epochs."""


@dataclass(frozen=True)
class Job:
    """What all processes need to know."""

    config: Config
    data: Path
    """Folder of this configuration's tomograms, subtomograms, splits, runs and checkpoints."""
    rows: Path
    at_once: int
    weights: bool

    @property
    def tomograms(self) -> list[str]:
        """Names of the tomograms to train, validate and test on."""
        return [f"t{i + 1}" for i in range(self.config.tomograms)]

    @property
    def every(self) -> list[str]:
        """Names of all tomograms."""
        independent = range(self.config.independent_tomograms)
        return [*self.tomograms, *(f"independent{i + 1}" for i in independent)]

    def shards(self, tomograms: Iterable[str], dataset: str) -> list[Path]:
        """Files of subtomograms, of datasets joined as in A+B+C."""
        names = dataset.split(JOIN)
        return [self.data / "subtomograms" / d / f"{t}.h5" for d in names for t in tomograms]


def row_name(run: Run) -> str:
    """Name of a row's files."""
    return "_".join([path_name(run.method), run.dataset, run.split])


def simulate_one(job: Job, name: str, threads: int) -> None:
    """Simulate a tomogram, cut its subtomograms out, and delete its volumes."""
    config, folder = job.config, job.data / "tomograms" / name
    datasets = [d for d in config.snr.datasets if not job.shards([name], d.name)[0].exists()]
    if not datasets:
        return
    torch.set_num_threads(threads)
    folder.mkdir(parents=True, exist_ok=True)
    structures = job.data / "structures"

    def cut(dataset: str, tomogram: Path, summary: Path) -> None:
        shard = job.shards([name], dataset)[0]
        shard.parent.mkdir(parents=True, exist_ok=True)
        extract_subtomograms(
            tomogram=tomogram,
            labels=folder / "labels.mrc",
            particles=folder / "particles.star",
            summary=summary,
            specimen=folder / "specimen.json",
            ground=folder / "ground.star",
            names=(name, dataset),
            settings=config.subtomograms.of(name),
            seed=config.seed,
            shard=shard,
        )

    simulate(
        config, datasets, folder, structures=structures, name=name, stages=Stages(), finished=cut
    )
    for volume in folder.glob("*.mrc"):
        volume.unlink()


def split_file(job: Job, split: str) -> Path:
    """Split the subtomograms of all tomograms, unless this was done before."""
    path = job.data / "splits" / f"{split}.csv"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        left_out = split.removeprefix("without_")
        split_dataset(
            {name: job.data / "tomograms" / name / "particles.star" for name in job.every},
            shape=job.config.specimen.tomogram_size_voxels.zyx,
            selection=job.config.subtomograms,
            settings=job.config.splits,
            seed=job.config.seed,
            leave_out=left_out if left_out != split else None,
            split=path,
        )
    return path


def train_row(job: Job, number: int, run: Run) -> str:
    """Train and score a network, or resume it, and write the row."""
    use_threads(TRAINING_THREADS)
    config, name = job.config, row_name(run)
    split, mark, seed_number = run.split.partition("_seed")
    files, repeat = split_file(job, split), mark + seed_number
    folder, checkpoints = job.data / "runs" / name, job.data / "checkpoints"
    folder.mkdir(parents=True, exist_ok=True)
    checkpoints.mkdir(exist_ok=True)
    weights, record, history = folder / "weights.pt", folder / "run.json", folder / "history.csv"
    if not record.exists():  # the last file of a training
        train_run(
            job.shards(job.tomograms, run.dataset),
            files,
            run.method,
            config.training,
            config.seed,
            weights=weights,
            history=history,
            record=record,
            checkpoint=checkpoints / f"{name}.pt",
            repeat=repeat,
        )
    scores = evaluate_run(
        job.shards(job.every, run.dataset),
        files,
        weights,
        config.training.device,
        per_subtomogram=folder / "per_subtomogram.csv",
        independent=folder / "independent.csv",
        predictions=folder / "predictions.h5",
        repeat=repeat,
        trainings_per_gpu=job.at_once,
    )
    shutil.copy(history, job.rows / f"{name}.csv")
    if job.weights:
        shutil.copy(weights, job.rows / f"{name}.pt")
    outcome = {k: v for k, v in read_json(record).items() if k not in {"provenance", "settings"}}
    row = {"number": number, **run._asdict(), **outcome, "scores": scores, "data": job.data.name}
    write_json(job.rows / f"{name}.json", row)  # last: with it the row is finished
    return name


def in_job(work: Callable[..., Any], log: Path, *arguments: Any) -> Any:
    """Call a function in a process of its own log."""
    with job(log):
        return work(*arguments)


def start_pool(processes: int) -> ProcessPoolExecutor:
    """Start processes that have no copy of this one's state, which CUDA would not survive."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"))


def simulate_all(job: Job) -> None:
    """Simulate all tomograms, each by a process."""
    config, structures = job.config, job.data / "structures"
    pdb_ids = read_pdb_ids(ROOT / config.structures.ids)
    if not all((structures / f"{i}.npz").exists() for i in pdb_ids):
        structures.mkdir(parents=True, exist_ok=True)
        prepare_structures(pdb_ids, config.structures, config.seed, ROOT / "resources", structures)
    cores = available_cores()
    processes = min(len(job.every), max(cores // 4, 1))
    threads = max(cores // processes, 1)
    with start_pool(processes) as pool:
        work: dict[Future[None], str] = {}
        for name in job.every:
            log = job.data / f"{name}.log"
            work[pool.submit(in_job, simulate_one, log, job, name, threads)] = name
        for future in as_completed(work):
            future.result()
            print(f"simulated: {work[future]}", flush=True)


def train_all(job: Job, runs: Sequence[Run]) -> list[str]:
    """Train the rows that are not finished; return the names of those that failed."""
    left = {
        n: run for n, run in enumerate(runs) if not (job.rows / f"{row_name(run)}.json").exists()
    }
    print(f"{len(runs) - len(left)} of {len(runs)} rows were finished before", flush=True)
    failed = []
    with start_pool(job.at_once) as pool:
        work: dict[Future[str], str] = {}
        for number, run in left.items():
            name = row_name(run)
            log = job.rows / f"{name}.log"
            work[pool.submit(in_job, train_row, log, job, number, run)] = name
        for future in as_completed(work):
            if error := future.exception():
                failed.append(name := work[future])
                print(f"failed: {name}: {error!r}; {job.rows}/{name}.log", flush=True)
            else:
                print(f"finished: {work[future]}", flush=True)
    return failed


def check_rows(rows: Path, data: str) -> None:
    """End with one line if the folder has rows of other settings."""
    for path in rows.glob("*.json"):
        if read_json(path, "data")["data"] != data:
            sys.exit(f"error: {path}: a row of other settings or structures; give another folder")


def parsed() -> argparse.Namespace:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path, help="folder of the rows")
    parser.add_argument("--scratch", type=Path, required=True, help="folder of large files")
    parser.add_argument("--config", nargs="+", required=True, help="files, later ones override")
    parser.add_argument("--structures", help="folder of coordinate files; default: surrogates")
    parser.add_argument("--runs", nargs="+", help="METHOD/DATASET/SPLIT; default: both tables")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="auto")
    parser.add_argument("--weights", action="store_true", help="keep the weights, too")
    return parser.parse_args()


def main() -> None:
    """Simulate, train and score."""
    arguments = parsed()
    files = [ROOT / name for name in arguments.config]
    plain = load_config(*files).model_dump()
    data = fingerprint(plain | {"structures": [plain["structures"], bool(arguments.structures)]})
    config = with_structures(plain, arguments.structures)
    config["microscope"]["device"] = config["training"]["device"] = arguments.device
    checked, rows = check_config(config), arguments.folder.resolve()
    pdb_ids = read_pdb_ids(ROOT / checked.structures.ids)
    runs = [Run(*name.split("/")) for name in arguments.runs or []]
    runs = runs or [r for r in checked.tables.runs(pdb_ids) if r.method not in BASELINES]
    runs.sort(key=lambda run: "_seed" in run.split)
    on_gpu = arguments.device != "cpu" and torch.cuda.is_available()
    at_once = ROWS_PER_GPU * torch.cuda.device_count() if on_gpu else 1
    rows.mkdir(parents=True, exist_ok=True)
    check_rows(rows, data[:12])
    work = Job(checked, arguments.scratch.resolve() / data[:12], rows, at_once, arguments.weights)
    if all((rows / f"{row_name(run)}.json").exists() for run in runs):
        print(f"all {len(runs)} rows were finished before")
        return
    simulate_all(work)
    if failed := train_all(work, runs):
        sys.exit(f"error: rows failed: {', '.join(failed[:10])}")


if __name__ == "__main__":
    main()
