"""Support for the workflow: names and folders of runs, versions of code, failed jobs."""
