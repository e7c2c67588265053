"""The reasons why a run failed, from logs as Snakemake 9 and our jobs write them."""

import pytest

from ssn3d.experiment.failures import MOST_LINES, failure_lines


def block(rule, job, log):
    """Snakemake's log of a failed job; `log` is None for a job without a log file."""
    of_log = f"    log: {log} (check log file(s) for error details)\n" if log else ""
    return (
        "RuleException:\n"
        'CalledProcessError in file "/x/workflow/rules/microscope.smk", line 56:\n'
        "[Tue Nov 24 23:23:34 2026]\n"
        f"Error in rule {rule}:\n    message: None\n    jobid: {job}\n"
        f"    input: a.mrc, b.mrc\n{of_log}"
        f"Logfile {log}:\n====\n23:23:33 error: as shown by Snakemake\n====\n"
    )


@pytest.fixture
def said(tmp_path):
    """Return the lines for Snakemake's log and the logs of jobs."""

    def lines(snakemake_log, **job_logs):
        (tmp_path / "run.log").write_text(snakemake_log)
        for name, text in job_logs.items():
            (tmp_path / f"{name}.log").write_text(text)
        return list(failure_lines([tmp_path / "run.log"], tmp_path))

    return lines


def test_reasons_of_failed_jobs(said):
    run = block("add_noise", 4, "a.log") + block("train_network", 7, "b.log")
    first = "23:23:32 device: CPU\n23:23:33 error: snr.datasets: SNR 900 was asked for\n"
    assert said(run, a=first, b="23:24:00 error: no GPU\n") == [
        "add_noise failed: snr.datasets: SNR 900 was asked for",
        "train_network failed: no GPU",
    ]


def test_jobs_of_one_rule(said):
    (line,) = said(block("add_noise", 4, "logs/add_noise/t2_A.log"))
    assert line.startswith("add_noise (t2_A) failed: ")


def test_retried_job_did_not_fail(said):
    again = block("add_noise", 4, "a.log") + block("add_noise", 5, "a.log")
    run = again + "Finished jobid: 4 (Rule: add_noise)\n"
    assert said(run, a="23:23:33 error: first\n23:23:34 error: last\n") == [
        "add_noise failed: last"
    ]


@pytest.mark.parametrize("text", ["", "12:00:00 epoch 3 of 200\n"])
def test_killed_job(said, text):
    (line,) = said(block("train_network", 1, "a.log"), a=text)
    assert line.startswith("train_network failed: ended without an error line; killed")
    assert "a.log" in line


def test_missing_and_unnamed_logs(said):
    lines = said(block("train_network", 1, "missing.log") + block("split_dataset", 2, None))
    assert "missing.log" in lines[0]
    assert lines[1].startswith("split_dataset failed: ended without an error line")


def test_unexpected_exception(said):
    log = "12:00:00 failed\nTraceback (most recent call last):\n  File ...\nValueError: 3 > 2\n"
    (line,) = said(block("draw_scores", 1, "a.log"), a=log)
    assert line.startswith("draw_scores failed: ValueError: 3 > 2 (a bug in the program")


def test_many_failures(said):
    run = "".join(block("train_network", job, "a.log") for job in range(MOST_LINES + 5))
    lines = said(run, a="12:00:00 error: no GPU\n")
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "and 5 more jobs failed"


def test_no_log(tmp_path):
    assert list(failure_lines([tmp_path / "none.log"], tmp_path)) == []
