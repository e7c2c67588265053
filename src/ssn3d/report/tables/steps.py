"""From the results of all runs to Tables 2 and 3 on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.core.provenance import provenance
from ssn3d.io.files import PathLike, read_json
from ssn3d.report.provenance_labels import surrogates
from ssn3d.report.settings import TablesSettings
from ssn3d.report.tables.tables import table2, table3
from ssn3d.report.tables.text import write_table


def make_tables(
    tables: TablesSettings,
    snr_of: Mapping[str, float],
    pdb_ids: Sequence[str],
    results: PathLike,
    resources: PathLike,
    *,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make Tables 2 and 3 from the finished runs; rows of missing runs say what is missing.

    `snr_of` is the SNR asked for, by dataset.
    """
    second = table2(tables.table2, snr_of, results, resources, seed)
    third = table3(tables.table3, pdb_ids, results=results, resources=resources, seed=seed)
    return second, third


def write_tables(
    made: tuple[pd.DataFrame, pd.DataFrame],
    structures: PathLike,
    pdb_ids: Sequence[str],
    folder: PathLike,
    *,
    seed: int,
    settings: dict[str, Any],
) -> None:
    """Write both tables as CSV, JSON, Markdown, LaTeX and HTML.

    Args:
        made: the tables.
        structures: folder of the structures' files.
        pdb_ids: all structures of the experiment.
        folder: folder to write to.
        seed: of the experiment.
        settings: the part of the configuration that they derive from.
    """
    sources = {i: read_json(Path(structures) / f"{i}.json") for i in pdb_ids}
    written = provenance(seed=seed, settings=settings, structures=sources)
    beads = surrogates(structures, pdb_ids)
    titles = ("Table 2. Segmentation performance", "Table 3. Structures left out of the training")
    for number, title, table in zip((2, 3), titles, made, strict=True):
        path = Path(folder) / f"table{number}.csv"
        write_table(table, path, title, written, beads)
