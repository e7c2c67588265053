"""A folder that cannot be written: that of the results, or the whole."""

import subprocess

from disks import small_disk
from experiment import Run


def drill(folder, reference):
    """Start in folders that are read-only: one line that names the folder, and nothing is run."""
    del reference  # nothing comes out that could be compared
    with small_disk(folder / "results", 1_000_000):
        refused(folder, folder / "results", "Failed to create output directory results/structures")
    refused(folder, folder, f"{folder}: read-only; make it writable")


def refused(folder, read_only, line):
    """Start where a folder is read-only."""
    subprocess.run(["mount", "--bind", str(read_only), str(read_only)], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", str(read_only)], check=True)
    try:
        run = Run(folder, output=folder.with_name("read_only.log"))
        assert run.finish() != 0
    finally:
        subprocess.run(["umount", "-l", str(read_only)], check=True)
    assert "Traceback" not in run.printed, run.printed
    found = next(text for text in run.printed.splitlines() if line in text)
    print(f"  {read_only.name}: {found}")
