"""Failures of a workflow run: one line for each failed job, from the logs.

Snakemake ends with "At least one job did not complete successfully"; the reasons are far above.
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from ssn3d.io.files import PathLike

MOST_LINES = 20
"""Further failures are only counted."""
_RULE = re.compile(r"Error in rule (\w+)")
_JOB = re.compile(r"\s+jobid: (\d+)")
_LOG = re.compile(r"\s+log: ([^,]+?)(?:,.*)? \(check log file")
_FINISHED = re.compile(r"Finished jobid: (\d+)")
_REASON = re.compile(r"^[\d:]* ?error: (.+)")


class Failure(NamedTuple):
    """A job that failed, and did not succeed in a later attempt."""

    rule: str
    log: Path | None
    """Log file of the job, {rule}.log or {rule}/{wildcards}.log."""

    @property
    def name(self) -> str:
        """The rule and, if it has several jobs, the wildcards of this one."""
        if self.log is None or self.log.parent.name != self.rule:
            return self.rule
        return f"{self.rule} ({self.log.stem})"


def failures(snakemake_log: str) -> list[Failure]:
    """List the failed jobs in the text of Snakemake's log file, in order of their last failures."""
    failed: dict[str, Failure] = {}
    rule, job = "", ""
    for line in snakemake_log.splitlines():
        if found := _RULE.match(line):
            rule, job = found[1], ""
        elif rule and not job and (found := _JOB.match(line)):
            job = found[1]
            failed.pop(job, None)
            failed[job] = Failure(rule, None)
        elif job and (found := _LOG.match(line)):
            failed[job] = Failure(rule, Path(found[1]))
        elif found := _FINISHED.match(line):
            failed.pop(found[1], None)
        elif not line.startswith(" "):
            rule, job = "", ""
    return list(failed.values())


def reason(log: Path | None, folder: Path) -> str:
    """Last error in the log of a job, or the guess that it was killed or crashed."""
    try:
        text = (folder / log).read_text(encoding="utf-8", errors="replace") if log else ""
    except OSError:
        text = ""
    lines = text.splitlines()
    errors = [found[1] for line in lines if (found := _REASON.match(line))]
    if errors:
        return errors[-1]
    if any(line.startswith("Traceback") for line in lines):
        return f"{lines[-1]} (a bug in the program; traceback in {log})"
    return f"ended without an error line; killed, or out of memory? (log: {log or 'none'})"


def failure_lines(snakemake_logs: Iterable[PathLike], folder: PathLike) -> Iterator[str]:
    """Yield a line for each failed job of a run in a folder; none if there is no log."""
    failed: list[Failure] = []
    for path in snakemake_logs:
        if Path(path).exists():
            failed += failures(Path(path).read_text(encoding="utf-8", errors="replace"))
    for failure in failed[:MOST_LINES]:
        yield f"{failure.name} failed: {reason(failure.log, Path(folder))}"
    if len(failed) > MOST_LINES:
        yield f"and {len(failed) - MOST_LINES} more jobs failed"
