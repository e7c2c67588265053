"""Estimated duration of an experiment: a part of each stage is timed and scaled up.

Processors are timed on one thread, in processor time, which other programs hardly change; a GPU is
timed by the clock. The sum of all jobs, divided by the number of cores, is the shortest time of the
experiment on an idle machine.
"""

import math
import os
import subprocess
import sys
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from ssn3d.config.experiment import Config
from ssn3d.core.device import pick_device
from ssn3d.core.seeds import generator
from ssn3d.core.threads import TRAINING_THREADS, available_cores
from ssn3d.experiment.runs import BASELINES, JOIN, TUNED_BASELINE, Run
from ssn3d.microscope.projector import Projector
from ssn3d.segmentation.baseline.search import draw_combinations
from ssn3d.segmentation.baseline.segment import segment_on_one_thread
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.networks.registry import build_network
from ssn3d.segmentation.training.micro_batch import time_step

ROUNDS = 2
"""Rounds of each measurement; the fastest counts, since the first one allocates and plans."""
MOST_OVER_LEAST = 1.5
"""Longest over shortest time stated: cores wait for one another, share memory and change speed."""
MICRO_BATCH_SIZE = {"cpu": 2, "cuda": 32}
"""Subtomograms timed at once: few enough that a processor needs seconds, more are not faster."""
PROJECTIONS_A_TOMOGRAM = 4
"""Processor time of a specimen and its tilt series, in projections of the whole tomogram."""
PROJECTIONS_A_DATASET = 4
"""Processor time of a dataset's noise, tomogram and subtomograms, in the same unit."""
JOBS_OF_REPORT = 12
"""Jobs that make structures, tables and figures, besides those of each dataset."""
_EVERY_TILT = 4  # one of so many tilts is projected, to save memory
_PLANES = 32  # a multiple of the projector's bands
_COMBINATIONS = 4
_IMPORTS = "import ssn3d.segmentation.evaluation.steps, matplotlib.figure"


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread; restore the number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def simulation_seconds(config: Config, seconds_a_projection: float) -> float:
    """Processor seconds from specimens to datasets, for all tomograms."""
    a_tomogram = PROJECTIONS_A_TOMOGRAM + PROJECTIONS_A_DATASET * len(config.snr.datasets)
    tomograms = config.tomograms + config.independent_tomograms
    return float(tomograms * a_tomogram * seconds_a_projection)


def subtomograms_of(config: Config, count: int | str) -> float:
    """Number of subtomograms of a tomogram; for `all`, the number expected."""
    if count != "all":
        return float(count)
    size, specimen = config.subtomograms.size_voxels, config.specimen
    inside = [max(n - size, 0) for n in specimen.tomogram_size_voxels.zyx]
    fraction = math.prod(inside) / math.prod(specimen.region_size_voxels.zyx)
    return fraction * float(np.mean(specimen.particles))  # the middle of a range


@one_thread()
def measure_projection(config: Config) -> float:
    """Seconds per projection of a whole tomogram, measured on some planes (y, x) and tilts.

    Processor seconds of one thread, or the seconds of a GPU.
    """
    angles, size = config.microscope.tilt.angles_deg, config.specimen.tomogram_size_voxels
    some, device = angles[::_EVERY_TILT], pick_device(config.microscope.device)
    clock = time.perf_counter if device.type == "cuda" else time.process_time
    planes = min(_PLANES, size.z)
    projector = Projector(planes, size.x, some, device)
    volume = np.ones((planes, size.y, size.x), dtype=np.float32)
    seconds = []
    for _ in range(ROUNDS):
        started = clock()
        projector.project(volume)
        seconds.append(clock() - started)
    return float(min(seconds) * size.z / planes * len(angles) / len(some))


@one_thread()
def measure_networks(config: Config, compute: Compute, names: Collection[str]) -> dict[str, float]:
    """Seconds per subtomogram, forward and backward, of each network.

    Processor seconds of one thread, or the seconds of a GPU.
    """
    device, size = compute.device.type, config.subtomograms.size_voxels
    count, seconds = MICRO_BATCH_SIZE[device], {}
    clock = time.perf_counter if device == "cuda" else time.process_time
    for name in names:
        network = compute.place(build_network(name, config.training.dropout, torch.Generator()))
        network.train()
        steps = [time_step(network, compute, count, size, clock) for _ in range(ROUNDS)]
        seconds[name] = min(steps) / count
    return seconds


def epoch_seconds(config: Config, classes: int, run: Run, seconds_a_subtomogram: float) -> float:
    """One epoch of a training: all training subtomograms, then the validation set.

    Validation is a forward pass only, a third of the arithmetic. Joined datasets have as many
    subtomograms each.
    """
    datasets = len(run.dataset.split(JOIN))
    count = datasets * config.tomograms * subtomograms_of(config, config.subtomograms.count)
    splits = config.splits
    test = count / classes if run.split.startswith("without") else splits.test_fraction * count
    validation = splits.validation_fraction * (count - test)
    return float((count - test - validation + validation / 3) * seconds_a_subtomogram)


def side_by_side(seconds: Sequence[float], at_once: int) -> float:
    """Seconds that jobs take, if `at_once` of them run at a time."""
    return max(sum(seconds) / at_once, max(seconds, default=0.0))


def trainings_at_once(compute: Compute) -> int:
    """Number of trainings that run side by side without slowing one another."""
    jobs: int = max(1, available_cores() // TRAINING_THREADS)
    return min(jobs, torch.cuda.device_count()) if compute.device.type == "cuda" else jobs


def measure_baseline(config: Config) -> float:
    """Processor seconds per subtomogram, measured on noise.

    Parameters are those of the unsupervised method, and some of the combinations of the search.
    """
    rng = generator(0, "doctor")
    image = rng.standard_normal((config.subtomograms.size_voxels,) * 3, dtype=np.float32)
    combinations = draw_combinations(config.baseline, rng)
    some = [config.baseline.unsupervised, *combinations[:: len(combinations) // _COMBINATIONS or 1]]
    started = time.process_time()
    for parameters in some:
        segment_on_one_thread(image, parameters, rng)
    return (time.process_time() - started) / len(some)


def baseline_seconds(config: Config, asked: Sequence[Run], seconds_a_subtomogram: float) -> float:
    """Processor seconds of all runs of the baseline: two test sets each, and the searches."""
    combinations = draw_combinations(config.baseline, generator(0, "doctor"))
    tried = len(combinations) * config.baseline.search.subtomograms
    counts = config.subtomograms
    test = config.splits.test_fraction * config.tomograms * subtomograms_of(config, counts.count)
    test += config.independent_tomograms * subtomograms_of(config, counts.independent_count)
    segmented = [test + tried * (run.method == TUNED_BASELINE) for run in asked]
    return float(sum(segmented) * seconds_a_subtomogram)


def measure_job() -> float:
    """Processor seconds until a job of the workflow has started and imported its modules."""
    before = os.times()
    subprocess.run([sys.executable, "-c", _IMPORTS], check=True)  # noqa: S603 -- as above
    after = os.times()
    return sum(after[2:4]) - sum(before[2:4])  # user and system time of child processes


def jobs_of(config: Config, asked: Sequence[Run]) -> int:
    """Number of jobs of the workflow."""
    datasets = len(config.snr.datasets)
    of_tomograms = (config.tomograms + config.independent_tomograms) * (2 + 2 * datasets)
    trained = sum(run.method not in BASELINES for run in asked)
    searches = sum(run.method == TUNED_BASELINE for run in asked)
    splits = len({run.split.partition("_seed")[0] for run in asked})
    return of_tomograms + len(asked) + trained + searches + splits + datasets + JOBS_OF_REPORT
