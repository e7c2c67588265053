"""The paper's values: Tables 2 and 3, and the names and mask sizes of its complexes.

All functions raise DataError if the file is missing or damaged (ConfigError for complexes.tsv).
"""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd

from ssn3d.io.files import PathLike
from ssn3d.io.tables import read_csv
from ssn3d.structures.complexes import read_complexes

_SCORES = {"pixel_accuracy": np.float64, "miou": np.float64}


def paper_table2(path: PathLike) -> pd.DataFrame:
    """Read paper_table2.csv: `method`, `snr` and scores in percent, named `paper_...`."""
    columns = {"method": str, "snr": np.float64, **_SCORES, "iou_foreground": np.float64}
    # each row of the paper has either an mIoU or an IoU of the region of interest
    return _read_scores(path, columns, may_be_empty=["miou", "iou_foreground"])


def paper_table3(path: PathLike) -> pd.DataFrame:
    """Read paper_table3.csv: `pdb_id` and scores in percent, named `paper_...`."""
    return _read_scores(path, {"pdb_id": str, **_SCORES})


def paper_complexes(path: PathLike) -> pd.DataFrame:
    """Read complexes.tsv: `pdb_id`, `name`, `mass_kda`; `paper_mask_voxels`, implied by Table 3."""
    rows = [
        (pdb_id, known.name, known.mass_dalton / 1000, known.paper_mask_voxels)
        for pdb_id, known in read_complexes(path).items()
    ]
    return pd.DataFrame(rows, columns=["pdb_id", "name", "mass_kda", "paper_mask_voxels"])


def complex_names(path: PathLike) -> dict[str, str]:
    """Read the names of the complexes from complexes.tsv, by PDB ID."""
    return {pdb_id: known.name for pdb_id, known in read_complexes(path).items()}


def _read_scores(
    path: PathLike, columns: Mapping[str, type[Any]], may_be_empty: Collection[str] = ()
) -> pd.DataFrame:
    """Read a table of the paper, its scores renamed so that they can stand beside ours."""
    table = read_csv(path, columns, may_be_empty=may_be_empty, remedy="restore it")
    scores = [*_SCORES, "iou_foreground"]
    return table.rename(columns={score: f"paper_{score}" for score in scores})
