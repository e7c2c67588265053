"""How a run names itself, and its run.json: the same for networks and the baseline."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ssn3d.files import write_json
from ssn3d.provenance import provenance
from ssn3d.subtomograms.store import Subtomograms

PathLike = str | os.PathLike[str]


def run_names(method: str, subtomograms: Subtomograms, split: PathLike) -> dict[str, str]:
    """Name a run: its method as in paths, its dataset and its split."""
    return {"method": method, "dataset": subtomograms.dataset, "split": Path(split).stem}


def write_run_record(
    path: PathLike,
    names: Mapping[str, str],
    outcome: Mapping[str, Any],
    data: tuple[Subtomograms, Mapping[str, NDArray[np.int_]]],
    *,
    seed: int,
    settings: dict[str, Any],
    gpus: Sequence[str] = (),
) -> None:
    """Write the run.json of a network or the baseline: names, outcome and provenance.

    `data` are the dataset and the rows of each part of the split; `gpus` those of the machine.
    """
    subtomograms, rows = data
    made = provenance(
        seed=seed,
        settings=settings,
        gpus=gpus,
        dataset_sha256=subtomograms.sha256,
        subtomograms={part: len(members) for part, members in rows.items()},
    )
    write_json(path, {**names, **outcome, "provenance": made})
