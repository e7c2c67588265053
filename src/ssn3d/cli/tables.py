"""`ssn3d tables`."""

import argparse
from pathlib import Path

from ssn3d.cli.experiment import read_experiment
from ssn3d.report.provenance_labels import surrogates
from ssn3d.report.tables.tables import make_tables
from ssn3d.report.tables.text import to_text


def run(arguments: argparse.Namespace) -> None:
    """Print Tables 2 and 3 beside the paper's, from all finished runs."""
    config, pdb_ids = read_experiment(arguments)
    results = Path(arguments.results)
    beads = surrogates(results / "structures", pdb_ids)
    second, third = make_tables(
        config.tables,
        config.snr.snr_of,
        pdb_ids,
        results,
        arguments.resources,
        seed=config.seed,
    )
    print("Table 2. Segmentation performance\n\n" + to_text(second, beads))
    print("Table 3. Structures left out of the training\n\n" + to_text(third, beads))
    for place in ("tables/table2.md", "tables/table3.md", "figures", "report.html"):
        path = results / place
        print(f"{path}" + ("" if path.exists() else " (not made yet)"))
