"""What the workflow needs besides its rules: names of runs, versions of code, failed jobs."""
