"""What all rules share: the package, the checked configuration, names, resources, the report."""

import math
import os
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from snakemake.common.configfile import load_configfile
from snakemake.exceptions import WorkflowError
from snakemake.utils import update_config

REPOSITORY = Path(workflow.snakefile).parents[2]  # of this file, whoever includes it
SOURCES = REPOSITORY / "src"
IN_A_WHEEL = not SOURCES.exists()

# Rules find the package without its being installed: here, in jobs, and on cluster nodes.
if not IN_A_WHEEL:
    sys.path.insert(0, str(SOURCES))
    inherited = {**os.environ}.get("PYTHONPATH")
    os.environ.update(
        PYTHONPATH=os.pathsep.join(filter(None, [str(SOURCES), inherited]))
    )
elif workflow.deployment_settings.deployment_method:
    raise WorkflowError(
        "environments and containers for jobs (--use-conda, --sdm) do not have the installed "
        "package; leave the option out, or run the workflow in a clone of the repository"
    )
# A notebook's backend would be inherited; figures go to files.
os.environ.update(MPLBACKEND="agg")

from ssn3d import __version__
from ssn3d.experiment.code_version import code_version
from ssn3d.config.experiment import check_config, check_ids, with_targets
from ssn3d.core.errors import SSN3DError, WriteError
from ssn3d.experiment.failures import failure_lines
from ssn3d.io.files import check_braces
from ssn3d.experiment.runs import BASELINE, BASELINES, JOIN, TUNED_BASELINE
from ssn3d.experiment.runs import path_name, run_folder
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.core.threads import BASELINE_THREADS, JOB_THREADS, TRAINING_THREADS
from ssn3d.io.yaml_files import read_yaml


@contextmanager
def one_line_errors():
    """Turn a user's error into Snakemake's, which is shown without a traceback."""
    try:
        yield
    except SSN3DError as error:
        raise WorkflowError(str(error)) from None


def users_file(path):
    """Find a file that the configuration names: in the working folder, else in the repository.

    So the repository's defaults hold with --directory, and a user's own paths are relative to it.
    Neither the prefix of a module nor a storage provider applies to them; relative, no job reruns
    after a folder is moved with its results.
    Files in results/ are those of this workflow, wherever a module or a storage provider has them.
    """
    with one_line_errors():
        check_braces(str(path), "config")
    if str(path).startswith("results/"):
        return str(path)
    here = os.path.exists(path) or not (REPOSITORY / path).exists()
    return local(str(path) if here else os.path.relpath(REPOSITORY / path))


# A module's `config` has replaced the defaults, which `configfile` would have read.
defaults = load_configfile(str(REPOSITORY / "config.yaml"))
update_config(defaults, config)
config.update(defaults)

with one_line_errors():
    if not os.access(".", os.W_OK):  # Snakemake would show a traceback
        raise WriteError(
            f"{Path.cwd()}: read-only; make it writable, or work elsewhere (--directory)"
        )
    for path in filter(os.path.isfile, workflow.configfiles):
        read_yaml(path)  # of a key that stands twice, Snakemake would take the last
    checked = check_config(config)
    check_braces(str(REPOSITORY), "the repository's own folder")
    IDS_FILE = users_file(checked.structures.ids) if checked.structures.ids else []
    LISTED_IDS = with_targets(checked, read_pdb_ids(IDS_FILE) if IDS_FILE else [])
    TARGETS = checked.find.targets if checked.find else []
    check_ids(checked, LISTED_IDS)
    PDB_IDS = LISTED_IDS + checked.structures.random_ids

TOMOGRAMS = [f"t{i + 1}" for i in range(config["tomograms"])]
INDEPENDENT = [f"independent{i + 1}" for i in range(config["independent_tomograms"])]
EVERY = TOMOGRAMS + INDEPENDENT
SNRS = checked.snr.snr_of

# Memory of the rules that hold a tomogram: at most 2.4 GB of 108 and 6.9 GB of 500 million voxels.
VOXELS = math.prod(config["specimen"]["tomogram_size_voxels"].values())
TOMOGRAM_MB = 2000 + 15 * VOXELS / 1e6

# Memory of the rules that read subtomograms, however many there are.
READING_MB = 3500


# With --sdm apptainer: the image that docs/how-to/environments.md says how to build.
container: str(REPOSITORY / "ssn3d.sif")


wildcard_constraints:
    pdb_id="[0-9][A-Za-z0-9]{3}",
    tomogram=r"(t|independent)\d+",
    dataset="|".join(SNRS),
    data=r"({0})(\+({0}))*".format("|".join(SNRS)),
    method="[A-Za-z0-9-]+",
    baseline="|".join(map(path_name, BASELINES)),
    network=rf"(?!({'|'.join(map(path_name, BASELINES))})(?![A-Za-z0-9-]))[A-Za-z0-9-]+",
    split="random|without_[A-Za-z0-9]{4}",
    repeat=r"|_seed\d+",  # of a training, on the same split


def library_version(script):
    """Version of the code of ssn3d that a rule's script uses, text for people left out.

    Given as a parameter, it reruns a rule when that code has changed; the script's file alone,
    which Snakemake would watch, is left unwatched (rerun-triggers in profiles/default). Snakemake
    says which values of parameters have changed, not which parameters: the value names itself.
    The code of an installed package changes with its version alone.
    """
    if IN_A_WHEEL:
        return f"code version {__version__}"
    path = REPOSITORY / "workflow" / "scripts" / f"{script}.py"
    return f"code version {code_version(path, SOURCES)}"


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


def more_each_attempt(amount):
    """Ask a cluster for so much, and for that much again after every attempt that failed.

    On one machine nobody counts memory (mem_mb) and minutes (runtime).
    """
    return lambda wildcards, attempt: math.ceil(amount) * attempt


TOMOGRAM_RESOURCES = {
    "mem_mb": more_each_attempt(TOMOGRAM_MB),
    "runtime": more_each_attempt(30),
}


def environment(device):
    """Conda environment of a rule that computes on a device; the others take envs/cpu.yaml."""
    return f"../../envs/{'cuda' if device == 'cuda' else 'cpu'}.yaml"


def shown(section, path, caption, label):
    """Put an output into a section of the report, with a caption of workflow/report."""
    return report(path, f"../report/{caption}.rst", section, labels={"result": label})


def tell_failures(logs, folder):
    """Print why jobs of a run in a folder failed, as the last thing on the screen."""
    print("", *failure_lines(logs, folder), sep="\n", file=sys.stderr)
