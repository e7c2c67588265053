"""From the results of all runs to Tables 2 and 3 on disk."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.files import read_json
from ssn3d.provenance import provenance
from ssn3d.report.sources import surrogates
from ssn3d.report.table_text import write_table
from ssn3d.report.tables import table2, table3

PathLike = str | os.PathLike[str]


def make_tables(
    config: Mapping[str, Any], pdb_ids: Sequence[str], results: PathLike, resources: PathLike
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make Tables 2 and 3 from the finished runs; rows of missing runs say what is missing."""
    snr_of = {dataset["name"]: dataset["snr"] for dataset in config["snr"]["datasets"]}
    seed = config["seed"]
    second = table2(config["tables"]["table2"], snr_of, results, resources, seed)
    third = table3(
        pdb_ids, **config["tables"]["table3"], results=results, resources=resources, seed=seed
    )
    return second, third


def write_tables(
    config: Mapping[str, Any], pdb_ids: Sequence[str], results: PathLike, resources: PathLike
) -> None:
    """Write both tables as CSV, Markdown, LaTeX and HTML to {results}/tables."""
    structures = Path(results) / "structures"
    sources = {i: read_json(structures / f"{i}.json") for i in pdb_ids}
    made = provenance(seed=config["seed"], settings=dict(config), structures=sources)
    beads = surrogates(structures, pdb_ids)
    titles = ("Table 2. Segmentation performance", "Table 3. Structures left out of the training")
    tables = make_tables(config, pdb_ids, results, resources)
    for number, title, table in zip((2, 3), titles, tables, strict=True):
        path = Path(results) / "tables" / f"table{number}.csv"
        write_table(table, path, title, made, beads)
