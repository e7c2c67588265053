"""A disk that fills up, again and again, at another place each time."""

import shutil
import subprocess

from compare import assert_same_results

from disks import small_disk
from experiment import Run, complete

FIRST_KIB = 8
GROWTH_KIB = (300, 9_000, 16_000, 14_000, 6_000, 1_500, 4_000)
LINE = "cannot be written (No space left on device); free some space and rerun"


def drill(folder, reference):
    """Fill the results folder's disk; enlarge it a little; go on; compare."""
    results = folder / "results"
    with small_disk(results, FIRST_KIB):
        for growth in GROWTH_KIB:
            run = Run(folder)
            if run.finish() == 0:
                break
            assert "Traceback" not in run.printed, run.printed
            lines = [line for line in run.printed.splitlines() if LINE in line]
            print("  " + (lines[0].strip() if lines else "Snakemake: " + run.printed[-300:]))
            used_kib = shutil.disk_usage(results).used // 1024
            enlarge(results, used_kib + growth)
        enlarge(results, 1_000_000)
        complete(folder)
        count = assert_same_results(results, reference / "results")
    print(f"  with room it went on to the end; {count} files are as without")


def enlarge(folder, size_kib):
    """Resize the disk."""
    subprocess.run(["mount", "-o", f"remount,size={size_kib}k", str(folder)], check=True)
