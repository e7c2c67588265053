"""Threads of the workflow's jobs, in the rules and in the estimates of `ssn3d doctor`."""

JOB_THREADS = 2
"""Of a job that simulates, trains or predicts."""
BASELINE_THREADS = 8
"""Of a job of the baseline, which segments that many subtomograms at once."""
