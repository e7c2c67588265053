"""Seconds and peak memory of `ssn3d segment` on a whole tomogram.

    python benchmarks/own_tomogram.py                       600x600x300 voxels of 10 A
    python benchmarks/own_tomogram.py --size 1000 1000 500 --voxel-size 4

Neither depends on what the voxels are: they are noise. The last line is JSON.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from ssn3d.core.provenance import hardware
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import Grid, new_sections
from ssn3d.io.tomogram import open_tomogram
from ssn3d.models.card import default_model
from ssn3d.models.shipped import load_model
from ssn3d.segmentation.inference.whole_tomogram import segment_tomogram


def write_noise(path: Path, shape: tuple[int, int, int], voxel_size_angstrom: float) -> None:
    """Write a tomogram of noise, a section at a time."""
    rng = generator(0, "own tomogram")
    with new_sections(path, Grid(shape, voxel_size_angstrom), np.float32, "noise") as file:
        for _ in range(shape[0]):
            file.write(rng.standard_normal((1, *shape[1:]), dtype=np.float32))


def segment(path: Path, name: str, device: str) -> dict[str, float]:
    """Open a tomogram and segment it; seconds and memory of both."""
    model = load_model(name, "all")
    compute = model.place(device)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # resets the high-water mark
    started, cpu = time.perf_counter(), time.process_time()
    segment_tomogram(
        *(open_tomogram(path), model.network, compute, path.parent / "out"),
        voxel_size_angstrom=model.voxel_size_angstrom,
        threshold=0.5,
        classes=model.classes,
        standardised=model.standardised,
    )
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return {
        "seconds": round(time.perf_counter() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "peak_gb": round(int(status.split("VmHWM:")[1].split()[0]) / 2**20, 2),
    }


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, nargs=3, default=(600, 600, 300), metavar="N")
    parser.add_argument("--voxel-size", type=float, default=10.0, help="in angstrom")
    parser.add_argument("--model", default=default_model("all"))
    parser.add_argument("--device", default="auto")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    x, y, z = arguments.size
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.mrc"
        write_noise(path, (z, y, x), arguments.voxel_size)
        measured = segment(path, arguments.model, arguments.device)
    described = {"size": [x, y, z], "voxel_size_angstrom": arguments.voxel_size}
    described |= {"model": arguments.model, "threads": arguments.threads}
    print(json.dumps(described | measured | hardware()))


if __name__ == "__main__":
    main()
