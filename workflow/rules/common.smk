"""What all rules share: the package, the checked configuration, names, code versions."""

import math
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

REPOSITORY = Path(workflow.snakefile).parents[2]  # of this file, whoever includes it
SOURCES = REPOSITORY / "src"
# Relative, so that no job reruns after a folder is moved with its results.
RESOURCES = Path(os.path.relpath(REPOSITORY / "resources"))

# Rules find the package without its being installed: here, in jobs, and on cluster nodes.
sys.path.insert(0, str(SOURCES))
inherited = {**os.environ}.get("PYTHONPATH")
os.environ.update(PYTHONPATH=os.pathsep.join(filter(None, [str(SOURCES), inherited])))

from ssn3d.code_version import code_version
from ssn3d.config import check_config, check_ids
from ssn3d.errors import SSN3DError, WriteError
from ssn3d.failures import failure_lines
from ssn3d.microscope.detector_table import read_detector_table
from ssn3d.runs import BASELINE, BASELINES, JOIN, TUNED_BASELINE
from ssn3d.runs import path_name, run_folder
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.structures.map_file import map_files
from ssn3d.structures.sources import find_sources
from ssn3d.threads import BASELINE_THREADS, JOB_THREADS, TRAINING_THREADS


def of_user_or_repository(path):
    """Find a file that the configuration names: in the working folder, else in the repository.

    So the repository's defaults hold with --directory, and a user's own paths are relative to it.
    """
    here = os.path.exists(path) or not (REPOSITORY / path).exists()
    return path if here else os.path.relpath(REPOSITORY / path)


def coordinate_files(structures, pdb_ids):
    """Files of the user's that the structures are read from; none for archive and surrogates."""
    if structures["source"] != "folder":
        return []
    allow = structures["allow_surrogates"]
    found = find_sources(
        pdb_ids, "folder", structures["folder"], allow_surrogates=allow
    )
    return [str(source.path) for source in found.values() if source.path]


def detector_tables(detector):
    """The file of a detector's MTF, if it is a table, which is checked; a list of one or none."""
    if not isinstance(detector["mtf"], dict):
        return []
    path = of_user_or_repository(detector["mtf"]["file"])
    read_detector_table(path, detector["mtf"]["binning"])
    return [path]


try:
    if not os.access(".", os.W_OK):  # Snakemake would show a traceback
        raise WriteError(
            f"{Path.cwd()}: read-only; make it writable, or work elsewhere (--directory)"
        )
    checked = check_config(config)
    IDS_FILE = of_user_or_repository(config["structures"]["ids"])
    PDB_IDS = read_pdb_ids(IDS_FILE)
    check_ids(checked, PDB_IDS)
    DETECTOR_TABLES = detector_tables(config["microscope"]["detector"])
    from_coordinates = checked.structures.from_coordinates(PDB_IDS)
    COORDINATE_FILES = coordinate_files(config["structures"], from_coordinates)
    MAP_FILES = map_files(checked.structures)
except SSN3DError as error:
    raise WorkflowError(str(error)) from None

TOMOGRAMS = [f"t{i + 1}" for i in range(config["tomograms"])]
INDEPENDENT = [f"independent{i + 1}" for i in range(config["independent_tomograms"])]
SNRS = checked.snr.snr_of


# Memory of the rules that hold a tomogram: at most 2.4 GB of 108 and 6.9 GB of 500 million voxels.
VOXELS = math.prod(config["specimen"]["tomogram_size_voxels"].values())
TOMOGRAM_MB = 2000 + 15 * VOXELS / 1e6

# Memory of the rules that read subtomograms, however many there are.
READING_MB = 3500


wildcard_constraints:
    pdb_id="[0-9][A-Za-z0-9]{3}",
    tomogram=r"(t|independent)\d+",
    dataset="|".join(SNRS),
    data=r"({0})(\+({0}))*".format("|".join(SNRS)),
    method="[A-Za-z0-9-]+",
    baseline="|".join(map(path_name, BASELINES)),
    split="random|without_[A-Za-z0-9]{4}",
    repeat=r"|_seed\d+",  # of a training, on the same split


def library_version(script):
    """Hash of the code of ssn3d that a rule's script uses, comments and docstrings left out.

    Given as a parameter, it reruns a rule when that code has changed; the script's file alone,
    which Snakemake would watch, is left unwatched (rerun-triggers in profiles/default).
    """
    return code_version(REPOSITORY / "workflow" / "scripts" / f"{script}.py", SOURCES)


def volume(path):
    """Mark a volume, to be deleted once nothing needs it unless all are kept."""
    return path if config["keep"] == "all" else temp(path)


# Truth is kept in any case, compressed where space is short.
LABELS = "results/tomograms/{tomogram}/labels.mrc" + (
    "" if config["keep"] == "all" else ".gz"
)


def shards(tomograms, dataset="{dataset}"):
    """Subtomograms of some tomograms in a dataset: one file each."""
    return [f"results/subtomograms/{dataset}/{tomogram}.h5" for tomogram in tomograms]


def shards_of(tomograms):
    """Subtomograms of some tomograms in the datasets of a training, joined as in A+B+C."""
    return lambda w: [p for name in w.data.split(JOIN) for p in shards(tomograms, name)]


def settings_of_noise(wildcards):
    """Collect what the noise of a dataset depends on."""
    return {
        "microscope": config["microscope"],
        "reference": {k: v for k, v in config["snr"].items() if k != "datasets"},
        "size_voxels": config["subtomograms"]["size_voxels"],
        "target": SNRS[wildcards.dataset],
        "seed": config["seed"],
    }


def is_tuned(wildcards):
    """Whether a run is of the tuned baseline, whose parameters come from a search."""
    return wildcards.baseline == path_name(TUNED_BASELINE)


def more_each_attempt(amount):
    """Ask a cluster for so much, and for that much again after every attempt that failed.

    On one machine nobody counts memory (mem_mb) and minutes (runtime).
    """
    return lambda wildcards, attempt: math.ceil(amount) * attempt


TOMOGRAM_RESOURCES = {
    "mem_mb": more_each_attempt(TOMOGRAM_MB),
    "runtime": more_each_attempt(30),
}


BASELINE_RESOURCES = {
    "mem_mb": more_each_attempt(READING_MB),
    "runtime": more_each_attempt(60),
}


def environment(device):
    """Conda environment of a rule that computes on a device; the others take envs/cpu.yaml."""
    return f"../../envs/{'cuda' if device == 'cuda' else 'cpu'}.yaml"


def run_files(runs, name):
    """List one file of each run."""
    return [str(run_folder("results/runs", *run) / name) for run in runs]


def title(run):
    """Name a run for a reader: method, dataset, its SNR or the structure left out, its seed."""
    split, _, seed = run.split.partition("_seed")
    snr = f"(SNR {SNRS[run.dataset]:g})"
    words = snr if split == "random" else split.replace("_", " ")
    return f"{run.method}, {run.dataset} {words}" + (f", seed {seed}" if seed else "")


# The sections of the report, in order, with the captions of their results and what each is called.
REPORT = {
    "1. Structures": {"structures": "Structures and their sources"},
    "2. Tomograms": {
        "specimen": "Specimen",
        "calibration": "SNR calibration",
        "snr": "SNR asked for and measured",
        "tomogram": "Tomogram {tomogram}, dataset {dataset}",
    },
    "3. Subtomograms": {
        "complex": "Figure 4: a complex",
        "packing": "Contents of the datasets",
        "mask_sizes": "Mask sizes",
    },
    "4. Segmentation": {
        "segmentation": "Figure 5: {method}, dataset {dataset}",
        "baseline": "The baseline, step by step: {method}, dataset {dataset}",
        "training": "Training curves",
        "per_class": "IoU by structure and SNR",
        "against_size": "IoU by mask size",
    },
    "5. Tables": {
        "table2": "Table 2: the methods",
        "table3": "Table 3: unseen structures",
        "against_paper": "Table 3: ours against the paper's",
    },
    "6. Run time": {"runtime": "Run time and memory"},
    "7. Recovery": {
        "recovery": "Scores of picks and targets",
        "recall": "Recall by mass",
        "picks": "Picks: {sample}",
        "average": "Average: {group}",
    },
}


def shown(path):
    """Put an output into the report; its caption is named as the file is, up to a wildcard."""
    caption = Path(path).stem.partition("_{")[0]
    (section,) = (name for name, results in REPORT.items() if caption in results)
    labels = {"result": REPORT[section][caption]}
    return report(path, f"../report/{caption}.rst", section, labels=labels)


def tell_failures(logs, folder):
    """Print why jobs of a run in a folder failed, as the last thing on the screen."""
    print("", *failure_lines(logs, folder), sep="\n", file=sys.stderr)
