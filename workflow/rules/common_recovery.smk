"""What the rules of recovery share: the tomograms, and names of their files."""

import re

from ssn3d.core.ranges import highest, lowest
from ssn3d.models.card import default_model
from ssn3d.recovery.samples_table import Sample, read_samples_table

SHEET = config["recovery"]["sheet"]


def simulated_samples():
    """The tomograms that no training sees, in each dataset, by name."""
    tilt = config["microscope"]["tilt"]
    files = {
        f"{t}_{d}": f"results/tomograms/{t}/{d}.mrc" for t in INDEPENDENT for d in SNRS
    }
    tilts = highest(tilt["min_deg"]), lowest(tilt["max_deg"])  # common to all
    return {name: Sample(name, file, None, tilts) for name, file in files.items()}


def weights_of(section, target):
    """File of weights of a network; none where no default comes with ssn3d, as the job will say."""
    model = config["recovery"][section]["model"]
    try:
        model = model or default_model(target)
    except SSN3DError:
        return []
    return file_of_model(model)


with one_line_errors():
    SAMPLES = read_samples_table(users_file(SHEET)) if SHEET else simulated_samples()

# Whose particles are averaged together.
GROUPS = {d: [f"{t}_{d}" for t in INDEPENDENT] for d in SNRS}
if SHEET:
    GROUPS = {"own": [*SAMPLES]}

AVERAGING = config["recovery"]["averaging"]
AVERAGING_MAPS = {"truth": [], "reference": []}
if AVERAGING is not None:
    if not SHEET:
        AVERAGING_MAPS["truth"] = f"results/recovery/maps/{AVERAGING['pdb_id']}.mrc"
    if AVERAGING["reference"]:
        AVERAGING_MAPS["reference"] = users_file(AVERAGING["reference"])

AVERAGE_FILES = [f"{name}.mrc" for name in ("average", "half1", "half2")]
AVERAGE_FILES += ["fsc.csv", "particles.csv", "particles.star"]

# Memory of the rules that segment or average: 2 GB for 500 million voxels, and boxes of particles.
RECOVERY_MB = 6000
RECOVERY_RESOURCES = {
    "mem_mb": more_each_attempt(RECOVERY_MB),
    "runtime": more_each_attempt(120),
}


wildcard_constraints:
    sample="|".join(map(re.escape, SAMPLES)),
    group="|".join(GROUPS),


def of_sample(what):
    """A file of the folder of a sample."""
    return f"results/recovery/{{sample}}/{{sample}}_{what}"


def of_segmentation(what):
    """A file of a sample's segmentation; none where picking needs none."""
    method = config["recovery"]["picking"]["method"]
    return [] if method == "dog" else of_sample(what)


def of_group(what):
    """A file of each sample of a group, given by its wildcard."""
    return lambda w: expand(of_sample(what), sample=GROUPS[w.group])


def true(what):
    """A file of the simulation of a sample; none of one's own."""

    def file(wildcards):
        tomogram = wildcards.sample.partition("_")[0]
        return [] if SHEET else f"results/tomograms/{tomogram}/{what}"

    return file
