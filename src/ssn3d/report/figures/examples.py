"""Test subtomograms shown in figures: the best, the median and the worst of a structure."""

from collections.abc import Sequence

import pandas as pd

from ssn3d.core.errors import DataError
from ssn3d.core.log import logger
from ssn3d.io.files import PathLike
from ssn3d.report.read_runs import read_per_subtomogram


def read_examples(per_subtomogram: PathLike, pdb_ids: Sequence[str]) -> pd.DataFrame:
    """Pick examples from per_subtomogram.csv of one run.

    Structures are shown in order; those without test subtomograms are skipped.

    Returns:
        Rows of the file with a column `rank`: best, median and worst IoU of the region of interest.

    Raises DataError if the file is missing or damaged, or has none of the structures.
    """
    table = read_per_subtomogram(per_subtomogram)
    by_structure = dict(list(table.groupby("pdb_id")))
    absent = [pdb_id for pdb_id in pdb_ids if pdb_id not in by_structure]
    if len(absent) == len(pdb_ids):
        raise DataError(
            f"figures.example_ids: the test set ({per_subtomogram}) contains none of "
            f"{', '.join(pdb_ids)}; name structures that it contains, such as "
            f"{table['pdb_id'].iloc[0]}"
        )
    if absent:
        logger.warning("not in the test set, so not drawn: %s", ", ".join(absent))
    picked = [_best_median_worst(by_structure[i]) for i in pdb_ids if i in by_structure]
    return pd.concat(picked, ignore_index=True)


def _best_median_worst(rows: pd.DataFrame) -> pd.DataFrame:
    """Pick three rows of one structure, or all if it has fewer."""
    ordered = rows.sort_values("iou_foreground", ascending=False, kind="stable")
    last = len(ordered) - 1
    ranks = {0: "best", last: "worst", last // 2: "median"}
    places = sorted(ranks)
    return ordered.iloc[places].assign(rank=[ranks[place] for place in places])
