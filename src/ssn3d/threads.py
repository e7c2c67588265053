"""Threads of the workflow's jobs. The rules give them; `ssn3d doctor` measures with as many."""

JOB_THREADS = 2
"""Of a job that simulates, trains or predicts."""
BASELINE_THREADS = 8
"""Of a job of the baseline, which segments that many subtomograms at once."""
