"""The stage from files to files: runs in, Tables 2 and 3 out."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ssn3d.files import read_json
from ssn3d.provenance import provenance
from ssn3d.report.source_words import surrogates
from ssn3d.report.table_text import write_table
from ssn3d.report.tables import table2, table3

PathLike = str | os.PathLike[str]


def make_tables(
    config: Mapping[str, Any], pdb_ids: Sequence[str], results: PathLike, resources: PathLike
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Tables 2 and 3 of all runs there are in a results folder; the rest is said to be missing."""
    runs, facts = Path(results) / "runs", Path(resources)
    snr_of = {dataset["name"]: dataset["snr"] for dataset in config["snr"]["datasets"]}
    second = table2(
        config["tables"]["table2"], snr_of, runs, facts / "paper_table2.csv", config["seed"]
    )
    third = table3(
        pdb_ids,
        **config["tables"]["table3"],
        runs_dir=runs,
        structures_dir=Path(results) / "structures",
        paper_csv=facts / "paper_table3.csv",
        complexes_tsv=facts / "complexes.tsv",
        seed=config["seed"],
    )
    return second, third


def write_tables(
    config: Mapping[str, Any], pdb_ids: Sequence[str], results: PathLike, resources: PathLike
) -> None:
    """Write both tables as CSV, Markdown and LaTeX into the folder `tables` of the results."""
    structures = Path(results) / "structures"
    sources = {i: read_json(structures / f"{i}.json") for i in pdb_ids}
    made = provenance(seed=config["seed"], settings=dict(config), structures=sources)
    beads = surrogates(structures, pdb_ids)
    titles = ("Table 2. Segmentation performance", "Table 3. Structures left out of the training")
    tables = make_tables(config, pdb_ids, results, resources)
    for number, title, table in zip((2, 3), titles, tables, strict=True):
        path = Path(results) / "tables" / f"table{number}.csv"
        write_table(table, path, title, made, beads)
