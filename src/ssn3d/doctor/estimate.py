"""An estimate of how long an experiment takes: part of each stage is timed and scaled up."""

import math
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch

from ssn3d.config import Config
from ssn3d.device import pick_device
from ssn3d.microscope.projector import Projector
from ssn3d.provenance import hardware
from ssn3d.runs import TUNED_BASELINE, Run
from ssn3d.seeds import generator
from ssn3d.segmentation.baseline import segment_on_one_thread
from ssn3d.segmentation.baseline_search import draw_combinations
from ssn3d.segmentation.compute import Compute
from ssn3d.segmentation.micro_batch import time_step
from ssn3d.segmentation.networks import build_network
from ssn3d.segmentation.predict import MICRO_BATCH_SIZE
from ssn3d.threads import BASELINE_THREADS, JOB_THREADS

ROUNDS = 3
"""Of each measurement; the fastest counts, since the first one allocates and plans."""
# From processor time at the paper's size, shared by two cores where a job has threads: 3.5 s for
# `measure_projection`, 13 s for specimen and noise-free tilts, 18 s for a dataset and extraction.
PROJECTIONS_A_TOMOGRAM = 4
PROJECTIONS_A_DATASET = 6
_EVERY_TILT = 4  # one of so many tilts is projected, to save memory
_PLANES = 32  # a multiple of the projector's bands
_COMBINATIONS = 4


@contextmanager
def job_threads() -> Iterator[None]:
    """Let torch use as many threads as a job of the workflow; restore the number afterwards."""
    before = torch.get_num_threads()
    torch.set_num_threads(min(JOB_THREADS, hardware()["cores"]))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def simulation_seconds(config: Config, seconds_a_projection: float) -> float:
    """From a specimen to datasets, for all tomograms."""
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


@job_threads()
def measure_projection(config: Config) -> float:
    """Seconds that all tilts of one tomogram take, from some planes (y, x) and tilts."""
    angles, size = config.microscope.tilt.angles_deg, config.specimen.tomogram_size_voxels
    some, planes = angles[::_EVERY_TILT], min(_PLANES, size.z)
    projector = Projector(planes, size.x, some, pick_device(config.microscope.device))
    volume = np.ones((planes, size.y, size.x), dtype=np.float32)
    seconds = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        projector.project(volume)
        seconds.append(time.perf_counter() - started)
    return float(min(seconds) * size.z / planes * len(angles) / len(some))


@job_threads()
def measure_networks(config: Config, compute: Compute, names: Collection[str]) -> dict[str, float]:
    """Seconds a subtomogram, forward and backward, of each network."""
    count, size = MICRO_BATCH_SIZE[compute.device.type], config.subtomograms.size_voxels
    seconds = {}
    for name in names:
        network = compute.place(build_network(name, config.training.dropout, torch.Generator()))
        network.train()
        steps = [time_step(network, compute, count, size) for _ in range(ROUNDS)]
        seconds[name] = min(steps) / count
    return seconds


def epoch_seconds(config: Config, classes: int, run: Run, seconds_a_subtomogram: float) -> float:
    """One epoch of a training: all training subtomograms, then the validation set.

    Validation is a forward pass only, a third of the arithmetic.
    """
    count = config.tomograms * subtomograms_of(config, config.subtomograms.count)
    splits = config.splits
    test = count / classes if run.split.startswith("without") else splits.test_fraction * count
    validation = splits.validation_fraction * (count - test)
    return float((count - test - validation + validation / 3) * seconds_a_subtomogram)


def side_by_side(seconds: Sequence[float], at_once: int) -> float:
    """Seconds that jobs take, if `at_once` of them run at a time."""
    return max(sum(seconds) / at_once, max(seconds, default=0.0))


def trainings_at_once(compute: Compute) -> int:
    """How many trainings run without slowing one another, given the cores and GPUs."""
    jobs: int = max(1, hardware()["cores"] // JOB_THREADS)
    return min(jobs, torch.cuda.device_count()) if compute.device.type == "cuda" else jobs


def measure_baseline(config: Config) -> float:
    """Seconds a subtomogram on one core: noise, segmented as the rows of the tables do.

    With the unsupervised method's parameters, and with some of the combinations that are tried.
    """
    rng = generator(0, "doctor")
    image = rng.standard_normal((config.subtomograms.size_voxels,) * 3, dtype=np.float32)
    combinations = draw_combinations(config.baseline, rng)
    some = [config.baseline.unsupervised, *combinations[:: len(combinations) // _COMBINATIONS or 1]]
    started = time.perf_counter()
    for parameters in some:
        segment_on_one_thread(image, parameters, rng)
    return (time.perf_counter() - started) / len(some)


def baseline_seconds(config: Config, asked: Sequence[Run], seconds_a_subtomogram: float) -> float:
    """All runs of the baseline: each segments two test sets, the tuned ones search before that."""
    combinations = draw_combinations(config.baseline, generator(0, "doctor"))
    tried = len(combinations) * config.baseline.search.subtomograms
    counts = config.subtomograms
    test = config.splits.test_fraction * config.tomograms * subtomograms_of(config, counts.count)
    test += config.independent_tomograms * subtomograms_of(config, counts.independent_count)
    segmented = [test + tried * (run.method == TUNED_BASELINE) for run in asked]
    cores = hardware()["cores"]
    workers = min(BASELINE_THREADS, cores)
    seconds = [count * seconds_a_subtomogram / workers for count in segmented]
    return side_by_side(seconds, cores // workers)
