import argparse
from pathlib import Path

from ssn3d.cli.experiment import add_experiment_options, read_experiment

DESCRIPTION = "print Tables 2 and 3 beside the paper's, from all finished runs"
EXAMPLE = "ssn3d tables --config config.yaml demo.yaml"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_experiment_options(parser)
    resources = "folder of the paper's values (default resources)"
    parser.add_argument("--resources", default="resources", help=resources)


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.report.provenance_labels import surrogates
    from ssn3d.report.tables.tables import make_tables
    from ssn3d.report.tables.text import to_text

    config, pdb_ids = read_experiment(arguments)
    results = Path(arguments.results)
    bead_models = surrogates(results / "structures", pdb_ids)
    second, third = make_tables(
        config.tables, config.snr.snr_of, pdb_ids, results, arguments.resources, seed=config.seed
    )
    print("Table 2. Segmentation performance\n\n" + to_text(second, bead_models))
    print("Table 3. Structures left out of the training\n\n" + to_text(third, bead_models))
    for place in ("tables/table2.md", "tables/table3.md", "figures", "report.html"):
        path = results / place
        print(f"{path}" + ("" if path.exists() else " (not made yet)"))
