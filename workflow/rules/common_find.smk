"""What the rules of the search share: the tomograms, simulated and the user's, and their files."""

from ssn3d.core.errors import ConfigError

SEARCHED, SIMULATED = {}, {}
if TARGETS:
    DATASET = next(iter(SNRS))
    SIMULATED = {
        f"{t}_{DATASET}": Sample(
            f"{t}_{DATASET}", f"results/tomograms/{t}/{DATASET}.mrc", None, (-60, 60)
        )
        for t in INDEPENDENT
    }
    with one_line_errors():
        SEARCHED = read_samples_table(users_file(checked.find.tomograms))
        for name in SIMULATED:
            if name in SEARCHED:
                raise ConfigError(
                    f"{checked.find.tomograms}: {name!r} is the name of a simulated "
                    "tomogram; give another"
                )
EVERYWHERE = {**SIMULATED, **SEARCHED}
ANNOTATED = [name for name, sample in SEARCHED.items() if sample.annotations]
MEASURED_FILES = [
    "report.md",
    "picture.png",
    "measurements.json",
    "like_it.yaml",
    "macromolecules.json",
]


wildcard_constraints:
    searched="|".join(map(re.escape, SEARCHED)) or "none",
    everywhere="|".join(map(re.escape, EVERYWHERE)) or "none",
    target="|".join(TARGETS) or "none",


def of_tomogram(what):
    """A file of the folder of a tomogram, simulated or the user's."""
    return f"results/find/tomograms/{{everywhere}}/{{everywhere}}_{what}"


def of_simulation(wildcards, what):
    """A file of the simulation of a simulated tomogram; none of the user's."""
    name = wildcards.everywhere
    tomogram = name.rpartition("_")[0]
    return f"results/tomograms/{tomogram}/{what}" if name in SIMULATED else []


def annotations_of(wildcards):
    """The table of known particles of a tomogram, if there is one."""
    known = EVERYWHERE[wildcards.everywhere].annotations
    return users_file(known) if known else []
