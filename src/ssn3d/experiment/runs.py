"""Names of runs in tables and in paths. Light to import, since every job of Snakemake does."""

import re
from pathlib import Path
from typing import NamedTuple

from ssn3d.io.files import PathLike

BASELINE = "Xu & Alber"
"""The baseline, unsupervised like the method of its authors."""
TUNED_BASELINE = "Xu & Alber, tuned"
"""The baseline with parameters chosen on true masks; not in the paper."""
OTSU, ORACLE = "Otsu", "Oracle threshold"
"""Classical references: the component at the centre above a threshold."""
BASELINES = (BASELINE, TUNED_BASELINE, OTSU, ORACLE)
"""Methods without a network."""

NETWORKS = (
    "SSN3D-v1",
    "SSN3D-v2",
    "SSN3D-ED",
    "UNet",
    "ResUNet",
    "ResUNet-plain",
    "ResUNet-classes",
)
"""Names of the networks in `segmentation.networks`, for code that must not import torch."""

METHODS = (*BASELINES, *NETWORKS)
"""Methods that a row of a table may name."""

JOIN = "+"
"""Separator of the names of datasets that a network is trained on together, as in `A+B+C`."""


class Run(NamedTuple):
    """A run that a row of the tables needs; the method is named as in tables."""

    method: str
    dataset: str
    split: str = "random"
    """Name of the data's split, and of the repeat."""


def repeats(seeds: int) -> list[str]:
    """Suffixes of runs that differ in their seed alone: "" for the first, `_seed2` and so on."""
    return ["", *(f"_seed{number}" for number in range(2, seeds + 1))]


def path_name(method: str) -> str:
    """Return a method's name as used in paths, such as `Xu-Alber-tuned`."""
    return re.sub("[ ,&]+", "-", method)


def run_folder(runs: PathLike, method: str, dataset: str, split: str = "random") -> Path:
    """Folder of a run below the folder of all runs; `method` as in tables or in paths."""
    return Path(runs) / path_name(method) / dataset / split
