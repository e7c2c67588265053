"""Failures, one after another: `python tests/drills`, as root on Linux, some ten minutes."""

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import full_disk
import kills
import read_only
import two_runs

from experiment import prepare


def main():
    """Run the requested drills, each in its own folder, and compare with an undisturbed run."""
    drills = {"kills": kills, "full_disk": full_disk, "read_only": read_only}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("drills", nargs="*", default=list(drills), help=", ".join(drills))
    parser.add_argument("--reference", type=Path, help="folder of a run that is already there")
    arguments = parser.parse_args()
    place = Path(tempfile.mkdtemp(prefix="drills-"))
    reference = arguments.reference
    if reference is None:
        reference = prepare(place / "reference")
        print(f"two_runs, in {reference}", flush=True)
        two_runs.drill(reference)
    for name in arguments.drills:
        folder = prepare(place / name)
        print(f"{name}, in {folder}", flush=True)
        drills[name].drill(folder, reference)
    print("all drills passed")


if __name__ == "__main__":
    main()
