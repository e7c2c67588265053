"""Try the installed package: all commands, a segmentation, and a rule of the workflow.

Run it with the Python of an environment that has ssn3d and snakemake. It works in a temporary
folder.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import mrcfile
import numpy as np

BIN = Path(sys.executable).parent
COMMANDS = (
    *("segment", "pick", "average", "score", "measure"),
    *("models", "networks", "init", "doctor", "tables"),
)


def run(folder: Path, *words: str) -> str:
    """Run a program of the environment in a folder; return what it printed."""
    command = [BIN / words[0], *words[1:]]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)  # noqa: S603 -- our own
    if done.returncode:
        sys.exit(f"{' '.join(words)}\n{done.stdout}{done.stderr}")
    return done.stdout


def write_tomogram(path: Path) -> None:
    """Write noise with dark spheres, voxels of 10 A."""
    rng = np.random.default_rng(0)
    volume = rng.standard_normal((48, 64, 64), dtype=np.float32)
    grid = np.moveaxis(np.indices(volume.shape), 0, -1)
    for centre in ((24, 16, 16), (24, 16, 48), (24, 48, 16), (24, 48, 48)):
        volume[((grid - centre) ** 2).sum(axis=-1) <= 6**2] -= 4
    with mrcfile.new(path, volume) as mrc:
        mrc.voxel_size = 10.0


def main() -> None:
    """Try everything."""
    import ssn3d  # noqa: PLC0415 -- where it comes from is what is tried

    if "src" in Path(ssn3d.__file__).parts[-3:]:
        sys.exit(f"{ssn3d.__file__}: a checkout; install the wheel")
    os.environ.pop("PYTHONPATH", None)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for command in COMMANDS:
            run(folder, "ssn3d", command, "--help")
        print(run(folder, "ssn3d", "--version"), run(folder, "ssn3d", "models"), sep="")
        write_tomogram(folder / "tomogram.mrc")
        run(folder, "ssn3d", "segment", "tomogram.mrc", "--output", "segmented")
        picks = ["--output", "picks.star", "--diameter", "120"]
        print(run(folder, "ssn3d", "pick", "tomogram.mrc", *picks))
        run(folder, "ssn3d", "init", "experiment")
        demo = ["--cores", "2", "--configfile", "config/demo.yaml"]
        run(folder / "experiment", "snakemake", "results/structures/1KP8.npz", *demo)
        print("the wheel works")


if __name__ == "__main__":
    main()
