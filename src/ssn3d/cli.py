"""The command line: each step of the experiment, over the same functions that the workflow calls.

Steps read and write the places that the workflow uses, below one folder of results.
"""

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from ssn3d import __version__
from ssn3d.config import check_ids, load_config
from ssn3d.doctor.lines import doctor as examine
from ssn3d.errors import ConfigError
from ssn3d.log import job, logger
from ssn3d.microscope.snr import SNRSettings
from ssn3d.microscope.steps import add_noise, image_specimen, microscope_settings
from ssn3d.report.sources import surrogates
from ssn3d.report.steps import make_tables
from ssn3d.report.table_text import to_text
from ssn3d.runs import BASELINE, TUNED_BASELINE, run_folder
from ssn3d.segmentation.baseline_search import baseline_settings
from ssn3d.segmentation.baseline_steps import baseline_run, search_run
from ssn3d.segmentation.networks import NETWORKS, build_network, capacity
from ssn3d.segmentation.steps import evaluate_run, train_run
from ssn3d.segmentation.train import TrainingSettings
from ssn3d.specimen.steps import simulate_specimen, specimen_settings
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.structures.steps import prepare_structures
from ssn3d.subtomograms.export import export_subtomograms
from ssn3d.subtomograms.steps import extract_subtomograms, select_particles, split_dataset


class Experiment:
    """A configuration, and where its results are."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        """Read and check the configuration files, later ones over earlier ones."""
        self.config = load_config(*arguments.config)
        self.pdb_ids = read_pdb_ids(self.config["structures"]["ids"])
        check_ids(self.config, self.pdb_ids)
        self.results = Path(arguments.results)
        self.resources = Path(arguments.resources)
        self.seed: int = self.config["seed"]
        self._check_names(arguments)

    def _check_names(self, arguments: argparse.Namespace) -> None:
        """Raise ConfigError where an option names what the experiment does not have."""
        known = {
            "tomogram": self.tomograms,
            "dataset": [dataset["name"] for dataset in self.config["snr"]["datasets"]],
            "pdb_id": self.pdb_ids,
            "leave_out": self.pdb_ids,
            "network": list(NETWORKS),
            "split": ["random", *(f"without_{pdb_id}" for pdb_id in self.pdb_ids)],
        }
        for option, names in known.items():
            given = getattr(arguments, option, None)
            if given is not None and given not in names:
                flag = option.replace("_", "-")
                raise ConfigError(f"--{flag}: {given!r} is none of {', '.join(names)}")

    def tomogram(self, name: str) -> Path:
        """Folder of one tomogram."""
        return self.results / "tomograms" / name

    @property
    def tomograms(self) -> list[str]:
        """Names of all tomograms."""
        return [f"t{i + 1}" for i in range(self.config["tomograms"])]

    @property
    def selection(self) -> Path:
        """Table of the particles whose crops become the datasets."""
        return self.results / "subtomograms" / "selection.csv"

    def dataset(self, name: str) -> Path:
        """File of one dataset."""
        return self.results / "subtomograms" / f"{name}.h5"

    def split(self, name: str) -> Path:
        """File of one split."""
        return self.results / "splits" / f"{name}.csv"

    def run(self, method: str, dataset: str, split: str) -> Path:
        """Folder of one run."""
        return run_folder(self.results / "runs", method, dataset, split)


def structures(arguments: argparse.Namespace) -> None:
    """Fetch, read or build the structures."""
    experiment = Experiment(arguments)
    prepare_structures(
        experiment.pdb_ids,
        experiment.config["structures"],
        experiment.resources,
        experiment.results / "structures",
    )


def specimen(arguments: argparse.Namespace) -> None:
    """Place particles in one tomogram, and draw its density and truth."""
    experiment = Experiment(arguments)
    folder = experiment.tomogram(arguments.tomogram)
    simulate_specimen(
        {i: experiment.results / "structures" / f"{i}.npz" for i in experiment.pdb_ids},
        specimen_settings(experiment.config["specimen"]),
        experiment.seed,
        arguments.tomogram,
        density=folder / "density.mrc",
        labels=folder / "labels.mrc",
        particles=folder / "particles.star",
        summary=folder / "specimen.json",
    )


def image(arguments: argparse.Namespace) -> None:
    """Take the noise-free tilt series of a specimen, and reconstruct it."""
    experiment = Experiment(arguments)
    folder = experiment.tomogram(arguments.tomogram)
    settings = microscope_settings(experiment.config["microscope"])
    image_specimen(
        folder / "density.mrc",
        settings,
        tilts=folder / "tilts.mrc",
        signal=folder / "signal.mrc",
    )


def noise(arguments: argparse.Namespace) -> None:
    """Make a tomogram of a dataset's SNR."""
    experiment = Experiment(arguments)
    folder, name = experiment.tomogram(arguments.tomogram), arguments.dataset
    config = dict(experiment.config["snr"])
    targets = {dataset["name"]: dataset["snr"] for dataset in config.pop("datasets")}
    add_noise(
        signal=folder / "signal.mrc",
        tilts=folder / "tilts.mrc",
        particles=folder / "particles.star",
        specimen_summary=folder / "specimen.json",
        settings=microscope_settings(experiment.config["microscope"]),
        snr_settings=SNRSettings(**config),
        size_voxels=experiment.config["subtomograms"]["size_voxels"],
        target=targets[name],
        seed=experiment.seed,
        keys=(arguments.tomogram, name),
        tomogram=folder / f"{name}.mrc",
        noisy_tilts=folder / f"{name}_tilts.mrc",
        summary=folder / f"{name}.json",
    )


def select(arguments: argparse.Namespace) -> None:
    """Choose the particles whose crops become the datasets."""
    experiment = Experiment(arguments)
    size = experiment.config["specimen"]["tomogram_size_voxels"]
    select_particles(
        {t: experiment.tomogram(t) / "particles.star" for t in experiment.tomograms},
        (size["z"], size["y"], size["x"]),
        experiment.config["subtomograms"],
        experiment.seed,
        selection=experiment.selection,
    )


def extract(arguments: argparse.Namespace) -> None:
    """Cut a dataset of subtomograms and masks."""
    experiment = Experiment(arguments)
    files = {
        "tomogram": f"{arguments.dataset}.mrc",
        "labels": "labels.mrc",
        "particles": "particles.star",
        "summary": f"{arguments.dataset}.json",
    }
    extract_subtomograms(
        selection=experiment.selection,
        tomograms={
            t: {kind: experiment.tomogram(t) / file for kind, file in files.items()}
            for t in experiment.tomograms
        },
        size_voxels=experiment.config["subtomograms"]["size_voxels"],
        seed=experiment.seed,
        dataset_name=arguments.dataset,
        structures=[experiment.results / "structures" / f"{i}.json" for i in experiment.pdb_ids],
        dataset=experiment.dataset(arguments.dataset),
    )


def export(arguments: argparse.Namespace) -> None:
    """Write a structure's subtomograms as MRC files with a STAR file, for RELION."""
    experiment = Experiment(arguments)
    name = f"{arguments.dataset}_{arguments.pdb_id}"
    folder = experiment.results / "export" / name
    export_subtomograms(experiment.dataset(arguments.dataset), [arguments.pdb_id], folder)


def split(arguments: argparse.Namespace) -> None:
    """Split the subtomograms at random, or leave one structure out."""
    experiment = Experiment(arguments)
    left_out = arguments.leave_out
    split_dataset(
        experiment.selection,
        experiment.config["splits"],
        experiment.seed,
        left_out,
        split=experiment.split(f"without_{left_out}" if left_out else "random"),
    )


def train(arguments: argparse.Namespace) -> None:
    """Train a network; goes on where it was interrupted."""
    experiment = Experiment(arguments)
    folder = experiment.run(arguments.network, arguments.dataset, arguments.split)
    train_run(
        experiment.dataset(arguments.dataset),
        experiment.split(arguments.split),
        arguments.network,
        TrainingSettings(**experiment.config["training"]),
        experiment.seed,
        weights=folder / "weights.pt",
        history=folder / "history.csv",
        record=folder / "run.json",
        checkpoint=folder / "checkpoint.pt",
        trainings_per_gpu=experiment.config["trainings_per_gpu"],
    )


def evaluate(arguments: argparse.Namespace) -> None:
    """Segment the test set with a trained network, and score it."""
    experiment = Experiment(arguments)
    folder = experiment.run(arguments.network, arguments.dataset, arguments.split)
    evaluate_run(
        experiment.dataset(arguments.dataset),
        experiment.split(arguments.split),
        folder / "weights.pt",
        experiment.config["training"]["device"],
        per_subtomogram=folder / "per_subtomogram.csv",
        predictions=folder / "predictions.h5",
        trainings_per_gpu=experiment.config["trainings_per_gpu"],
    )


def baseline(arguments: argparse.Namespace) -> None:
    """Segment the test set with the baseline, unsupervised and then tuned, and score both."""
    experiment = Experiment(arguments)
    names = (arguments.dataset, arguments.split)
    found = experiment.results / "baseline" / arguments.dataset / f"{arguments.split}.json"
    files = (experiment.dataset(arguments.dataset), experiment.split(arguments.split))
    fixed, search = baseline_settings(experiment.config["baseline"])
    jobs: Any = {"seed": experiment.seed, "workers": torch.get_num_threads()}
    search_run(*files, found, fixed, search, **jobs)
    baseline_run(*files, fixed, experiment.run(BASELINE, *names), **jobs)
    baseline_run(*files, found, experiment.run(TUNED_BASELINE, *names), **jobs)


def tables(arguments: argparse.Namespace) -> None:
    """Print Tables 2 and 3, ours beside the paper's, of all runs there are."""
    experiment = Experiment(arguments)
    beads = surrogates(experiment.results / "structures", experiment.pdb_ids)
    second, third = make_tables(
        experiment.config, experiment.pdb_ids, experiment.results, experiment.resources
    )
    print("Table 2. Segmentation performance\n\n" + to_text(second, beads))
    print("Table 3. Structures left out of the training\n\n" + to_text(third, beads))
    for place in ("tables/table2.md", "tables/table3.md", "figures", "report.html"):
        path = experiment.results / place
        print(f"{path}" + ("" if path.exists() else " (not made yet)"))


def doctor(arguments: argparse.Namespace) -> None:
    """Say what this machine has, what will run where and how long, and what is missing."""
    experiment = Experiment(arguments)
    logger.setLevel(logging.WARNING)  # what is measured on the way would come between the lines
    for line in examine(experiment.config, experiment.pdb_ids, experiment.results):
        print(line, flush=True)


def networks(_: argparse.Namespace) -> None:
    """Print each network and its number of parameters."""
    for name in NETWORKS:
        network = build_network(name, 0.0, torch.Generator())
        print(f"{name:<10} {capacity(network):>10,}")


Step = Callable[[argparse.Namespace], None]
_STEPS: dict[Step, tuple[str, ...]] = {
    structures: (),
    specimen: ("tomogram",),
    image: ("tomogram",),
    noise: ("tomogram", "dataset"),
    select: (),
    extract: ("dataset",),
    export: ("dataset", "pdb_id"),
    split: ("leave_out",),
    train: ("network", "dataset", "split"),
    evaluate: ("network", "dataset", "split"),
    baseline: ("dataset", "split"),
    tables: (),
    doctor: (),
}
_OPTIONS: dict[str, dict[str, Any]] = {
    "tomogram": {"default": "t1", "help": "name of the tomogram (t1, t2, ...; default t1)"},
    "dataset": {"default": "A", "help": "name of the dataset (default A)"},
    "pdb_id": {"default": "1KP8", "metavar": "PDB_ID", "help": "structure (default 1KP8)"},
    "leave_out": {"default": None, "metavar": "PDB_ID", "help": "structure for the test set"},
    "network": {"default": "SSN3D-ED", "help": "name of the network (default SSN3D-ED)"},
    "split": {"default": "random", "help": "random, or without_ and a PDB ID (default random)"},
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ssn3d", description=__doc__)
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(title="steps, in order", required=True, metavar="STEP")
    for step, options in _STEPS.items():
        described = step.__doc__
        command = commands.add_parser(step.__name__, help=described, description=described)
        command.set_defaults(step=step)
        command.add_argument(
            "--config",
            nargs="+",
            default=["config.yaml"],
            metavar="FILE",
            help="configuration files, later ones over earlier ones (default config.yaml)",
        )
        command.add_argument("--results", default="results", help="folder (default results)")
        command.add_argument("--resources", default="resources", help="folder of facts")
        for option in options:
            command.add_argument(f"--{option.replace('_', '-')}", **_OPTIONS[option])
    described = networks.__doc__
    command = commands.add_parser("networks", help=described, description=described)
    command.set_defaults(step=networks)
    return parser


def main(argv: Sequence[str] | None = None) -> None:
    """Run one step."""
    arguments = _parser().parse_args(sys.argv[1:] if argv is None else argv)
    with job():
        arguments.step(arguments)


if __name__ == "__main__":
    main()
