"""The small experiment: how tests run Snakemake on a copy of the repository."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
FOLDERS = ("src", "workflow", "profiles", "resources", "envs")


def snakemake(folder, *arguments):
    """Run Snakemake in a folder; give what it printed. Fails the test where Snakemake fails."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    environment = {**os.environ, "MPLBACKEND": "module://of_a_notebook"}  # must not matter
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def fault_of_snakemake(*arguments):
    """Run Snakemake on the repository where it fails; give what it printed."""
    command = [sys.executable, "-m", "snakemake", "--cores", "2", *arguments]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


def copy_repository(folder):
    """Copy what the small experiment needs into an empty folder."""
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(REPOSITORY / name, folder / name, ignore=ignored)
    for name in ("Snakefile", "config.yaml", "tests/workflow/small.yaml"):
        shutil.copy(REPOSITORY / name, folder)
    (folder / "ids.txt").write_text("1KP8\n2GLS # a comment\n1W6T\n")
