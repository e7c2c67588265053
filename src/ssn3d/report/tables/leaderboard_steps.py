"""From the results of all runs, and of methods from outside, to the leaderboard on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ssn3d.core.provenance import provenance
from ssn3d.experiment.runs import BASELINES, TUNED_BASELINE, repeats, run_folder
from ssn3d.io.files import PathLike, write_text
from ssn3d.io.tables import write_csv
from ssn3d.report.settings import LeaderboardSettings, TablesSettings
from ssn3d.report.tables.leaderboard import Entry, leaderboard, read_entry, read_external
from ssn3d.report.tables.leaderboard_text import leaderboard_markdown


def make_leaderboard(
    settings: LeaderboardSettings,
    tables: TablesSettings,
    snr_of: Mapping[str, float],
    pdb_ids: Sequence[str],
    *,
    runs: PathLike,
    csv: PathLike,
    seed: int,
) -> None:
    """Write the leaderboard as CSV, and beside it as Markdown.

    Args:
        settings: what competes besides the rows of the tables.
        tables: Tables 2 and 3.
        snr_of: configured SNR by dataset.
        pdb_ids: all structures of the experiment.
        runs: folder of all runs.
        csv: file to write to.
        seed: of the bootstrap.

    Raises:
        DataError: a run is missing or damaged, or was scored on other subtomograms.
    """
    entries = _entries(settings, tables, [*snr_of], pdb_ids, Path(runs))
    table = leaderboard(entries, snr_of, seed)
    asked: dict[str, Any] = {"leaderboard": settings.model_dump(), "tables": tables.model_dump()}
    made = provenance(seed=seed, settings=asked)
    write_csv(csv, table.round(4))
    write_text(Path(csv).with_suffix(".md"), leaderboard_markdown(table, made))


def _entries(
    settings: LeaderboardSettings,
    tables: TablesSettings,
    datasets: Sequence[str],
    pdb_ids: Sequence[str],
    runs: Path,
) -> list[Entry]:
    """Read all that compete."""
    entries = [
        read_entry(
            [
                run_folder(runs, row.method, row.dataset, f"random{repeat}")
                for repeat in repeats(row.seeds)
            ],
            row.method,
            "" if row.method in BASELINES and row.method != TUNED_BASELINE else row.dataset,
        )
        for row in settings.all_rows(tables, datasets)
    ]
    for more in (tables.table3, *settings.left_out):
        for pdb_id in more.left_out(pdb_ids):
            folder = run_folder(runs, more.method, more.dataset, f"without_{pdb_id}")
            entries.append(read_entry([folder], more.method, more.dataset, pdb_id))
    return entries + [read_external(folder) for folder in settings.external]
