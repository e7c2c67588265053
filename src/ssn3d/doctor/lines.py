"""Lines of the doctor's report, yielded one by one. A probe that fails is reported in its line."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from ssn3d.config.experiment import Config
from ssn3d.core.device import pick_device
from ssn3d.core.errors import SSN3DError
from ssn3d.core.threads import available_cores
from ssn3d.doctor import estimate, machine
from ssn3d.experiment.runs import BASELINES, run_folder
from ssn3d.report.read_runs import missing_files
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.structures.fetch import cache_folder
from ssn3d.structures.settings import StructuresSettings, entry_url
from ssn3d.structures.sources import find_sources

_NAME_WIDTH = 12
_HOUR_S = 3600.0
_DAY_S = 24 * _HOUR_S


def doctor(config: Config, pdb_ids: Sequence[str], results: Path) -> Iterator[str]:
    """Yield the lines: machine, estimates of time, earlier results and missing structures.

    `pdb_ids` are the structures of the configuration; the folder `results` need not exist.
    """
    spent: dict[str, float] = {}
    facts: dict[str, Callable[[], str]] = {
        "processor": machine.processor,
        "load": lambda: machine.load(available_cores(), os.getloadavg()[0]),
        "memory": machine.memory,
        "GPUs": machine.gpus,
        "conda": machine.conda,
        "Slurm": machine.slurm,
        "disk": lambda: machine.disk(results),
        "cache": lambda: cache(cache_folder()),
        "simulation": lambda: simulation(config, spent),
        "trainings": lambda: trainings(config, pdb_ids, spent),
        "baseline": lambda: baseline(config, pdb_ids, spent),
        "jobs": lambda: jobs(config, pdb_ids, spent),
        "in all": lambda: in_all(spent),
        "results": lambda: earlier_results(config, pdb_ids, results),
        "structures": lambda: structures(config.structures, pdb_ids),
    }
    for name, fact in facts.items():
        yield f"{name:<{_NAME_WIDTH}}{_value_or_fault(fact)}"


def _value_or_fault(fact: Callable[[], str]) -> str:
    """Return the value of a probe, or the reason why it is unknown."""
    try:
        return fact()
    except SSN3DError as error:
        return str(error)
    except Exception as error:  # noqa: BLE001 -- the other lines are still wanted
        return f"unknown ({type(error).__name__}: {' '.join(str(error).split())})"


def _shown(folder: str | Path) -> str:
    """Path of a folder, with ~ for the home folder."""
    path, home = Path(folder), Path.home()
    return f"~/{path.relative_to(home)}" if path.is_relative_to(home) else str(path)


def cache(folder: Path) -> str:
    """Number and size of the downloaded structures."""
    sizes = [path.stat().st_size for path in folder.glob("*.cif.gz")]
    return f"{len(sizes)} structures, {sum(sizes) / 1e6:.0f} MB in {_shown(folder)}"


def simulation(config: Config, spent: dict[str, float]) -> str:
    """Device and time of the simulation of all tomograms and datasets.

    This and the next functions add the shortest time of a stage, in seconds, to `spent`.
    """
    device = pick_device(config.microscope.device).type
    seconds = estimate.simulation_seconds(config, estimate.measure_projection(config))
    spent["simulation"] = seconds if device == "cuda" else seconds / available_cores()
    tomograms = config.tomograms + config.independent_tomograms
    return (
        f"{tomograms} tomogram{'s' * (tomograms > 1)}, datasets {', '.join(config.snr.snr_of)}: "
        f"{between(spent['simulation'])} on {device}"
    )


def trainings(config: Config, pdb_ids: Sequence[str], spent: dict[str, float]) -> str:
    """Device of the trainings, and the longest time that all of them take."""
    spent["trainings"] = 0.0
    runs = [run for run in config.tables.runs(pdb_ids) if run.method not in BASELINES]
    if not runs:
        return machine.NONE
    del spent["trainings"]  # unknown if the measurement fails
    settings, size = config.training, config.subtomograms.size_voxels
    compute = Compute.for_training(settings.device, settings.precision, size)
    speed = estimate.measure_networks(config, compute, {run.method for run in runs})
    epochs = [estimate.epoch_seconds(config, len(pdb_ids), r, speed[r.method]) for r in runs]
    most, at_once = config.training.epochs, estimate.trainings_at_once(compute)
    spent["trainings"] = estimate.side_by_side(epochs, at_once) * most
    longest = dict(sorted(zip((run.method for run in runs), epochs, strict=True)))
    return (
        f"{len(runs)} on {compute.device.type} in {compute.precision_name}, {at_once} at once: at "
        f"most {between(spent['trainings'])} for {most} epoch{'s' * (most > 1)} each; "
        f"an epoch: {', '.join(f'{name} {in_words(s)}' for name, s in longest.items())}"
    )


def baseline(config: Config, pdb_ids: Sequence[str], spent: dict[str, float]) -> str:
    """Time of all runs of the baseline, on the CPU."""
    runs = [run for run in config.tables.runs(pdb_ids) if run.method in BASELINES]
    seconds = estimate.baseline_seconds(config, runs, estimate.measure_baseline(config))
    spent["baseline"] = seconds / available_cores()
    return f"{len(runs)} on cpu: {between(spent['baseline'])}" if runs else machine.NONE


def jobs(config: Config, pdb_ids: Sequence[str], spent: dict[str, float]) -> str:
    """Time of starting all jobs."""
    count = estimate.jobs_of(config, config.tables.runs(pdb_ids))
    spent["jobs"] = count * estimate.measure_job() / available_cores()
    return f"{count}, to start them and draw: {between(spent['jobs'])}"


def in_all(spent: Mapping[str, float]) -> str:
    """Time of the whole experiment, if every stage could be measured."""
    stages = ("simulation", "trainings", "baseline", "jobs")
    missing = [stage for stage in stages if stage not in spent]
    if missing:
        return f"unknown, as is the time of {', '.join(missing)}"
    return f"{between(sum(spent.values()))}, if nothing else runs"


def in_words(seconds: float) -> str:
    """Duration in words, rounded coarsely."""
    value, unit = _in_unit(seconds, seconds)
    return f"{value} {unit}"


def between(seconds: float) -> str:
    """Range of durations in words, from its lower end."""
    most = seconds * estimate.MOST_OVER_LEAST
    (low, unit), (high, _) = _in_unit(seconds, most), _in_unit(most, most)
    return f"{low} to {high} {unit}" if low != high else f"about {high} {unit}"


def _in_unit(seconds: float, of: float) -> tuple[str, str]:
    """Number and unit of a duration, in the unit that suits the duration `of`."""
    for unit, length in {"days": _DAY_S, "h": _HOUR_S, "min": 60.0}.items():
        if of >= 2 * length:
            digits = 0 if seconds >= 2 * length else 1  # so that no range begins at 0
            return f"{seconds / length:.{digits}f}", unit
    return f"{seconds:.0f}", "s"


def earlier_results(config: Config, pdb_ids: Sequence[str], results: Path) -> str:
    """Number of datasets and runs that are already there."""
    runs = config.tables.runs(pdb_ids)
    done = [run for run in runs if not missing_files(run_folder(results / "runs", *run))]
    datasets = [*config.snr.snr_of]
    made = [name for name in datasets if (results / "subtomograms" / name).exists()]
    return f"{len(made)} of {len(datasets)} datasets and {len(done)} of {len(runs)} runs there"


def structures(settings: StructuresSettings, pdb_ids: Sequence[str]) -> str:
    """Source of the structures and, if any are unavailable, the way out.

    The archive is contacted only if the cache is incomplete, and only at its first URL.
    """
    source, surrogates = settings.source, settings.allow_surrogates
    pdb_ids = settings.from_coordinates(pdb_ids)
    if settings.random and not pdb_ids:
        return f"{settings.random.count} random shapes; no files or network needed"
    if source == "surrogate":
        return f"{len(pdb_ids)} bead models (surrogates); no files or network needed"
    from_archive = source == "archive"
    folder = cache_folder() if from_archive else settings.folder
    found = find_sources(pdb_ids, source, folder, allow_surrogates=surrogates or from_archive)
    missing = [pdb_id for pdb_id, file in found.items() if file.path is None]
    there = f"{len(pdb_ids) - len(missing)} of {len(pdb_ids)} in {_shown(str(folder))}"
    if not missing:
        return there
    if not from_archive:
        return f"{there}; bead models (surrogates) stand in for the others"
    url = entry_url(settings.archive.urls[0], missing[0])
    fault = machine.archive_fault(url)
    if fault is None:
        return f"{there}; {urlsplit(url).netloc} is reachable for the others"
    remedy = (
        "bead models (surrogates) stand in for the others"
        if surrogates
        else f"put files like {missing[0]}.cif.gz there, or set structures.source to 'folder' or "
        "'surrogate', or structures.allow_surrogates to true"
    )
    return f"{there}; {urlsplit(url).netloc}: {fault}; {remedy}"
