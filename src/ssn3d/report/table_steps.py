"""The stage from files to files: runs in, Tables 2 and 3 out."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.files import read_json
from ssn3d.provenance import provenance
from ssn3d.report.settings import TablesSettings
from ssn3d.report.sources import surrogates
from ssn3d.report.table_text import write_table
from ssn3d.report.tables import table2, table3

PathLike = str | os.PathLike[str]


def make_tables(
    tables: TablesSettings,
    snr_of: Mapping[str, float],
    pdb_ids: Sequence[str],
    results: PathLike,
    resources: PathLike,
    *,
    seed: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables 2 and 3 of all runs there are in a results folder; the rest is said to be missing.

    `snr_of` is the SNR asked for, by dataset.
    """
    runs, facts = Path(results) / "runs", Path(resources)
    second = table2(tables.table2, snr_of, runs, facts / "paper_table2.csv", seed)
    third = table3(
        tables.table3,
        pdb_ids,
        runs_dir=runs,
        structures_dir=Path(results) / "structures",
        paper_csv=facts / "paper_table3.csv",
        complexes_tsv=facts / "complexes.tsv",
        seed=seed,
    )
    return second, third


def write_tables(
    made: tuple[pd.DataFrame, pd.DataFrame],
    pdb_ids: Sequence[str],
    results: PathLike,
    *,
    seed: int,
    settings: dict[str, Any],
) -> None:
    """Write both tables as CSV, Markdown and LaTeX into the folder `tables` of the results.

    `settings` is all of the configuration that they derive from.
    """
    structures = Path(results) / "structures"
    sources = {i: read_json(structures / f"{i}.json") for i in pdb_ids}
    written = provenance(seed=seed, settings=settings, structures=sources)
    beads = surrogates(structures, pdb_ids)
    titles = ("Table 2. Segmentation performance", "Table 3. Structures left out of the training")
    for number, title, table in zip((2, 3), titles, made, strict=True):
        path = Path(results) / "tables" / f"table{number}.csv"
        write_table(table, path, title, written, beads)
