"""Threads of the workflow's jobs, in the rules and in the estimates of `ssn3d doctor`."""

JOB_THREADS = 2
"""Threads of a job that simulates."""
TRAINING_THREADS = 1
"""Threads of a training or an evaluation: many run side by side, and one thread wastes no time on
waiting for another."""
BASELINE_THREADS = 8
"""Threads of a job of the baseline, which segments that many subtomograms at once."""
