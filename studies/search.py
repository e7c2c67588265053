"""Search for named molecules in simulated tomograms: how many are found, how many picks are right?

    python studies/search.py --folder F --maps polnet/data/templates/mrcs_10A
    python studies/search.py --folder F --maps M --particles 90      sparse tomograms
    python studies/search.py --folder F --small      bead models in one tiny tomogram

The targets are twelve of the public maps that come with the simulator PolNet
(github.com/anmartinezs/polnet). Three tomograms hold them among random shapes; `snakemake find`
gets the tomograms and maps, and nothing else of how they were made. Its simulated tomograms hold
other random shapes, and bead models of the paper's structures. Resumes; writes search.csv, a row
for each target and tomogram: particles, picks, right ones, and the best F1 of any cut.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from simulated import ROOT, TOMOGRAM, TWO_VESICLES, simulate_tomogram
from ssn3d.config.experiment import load_config
from ssn3d.core.log import job
from ssn3d.find.candidates import are_right, diameter_angstrom
from ssn3d.io.files import read_json
from ssn3d.io.mrc import read_mrc
from ssn3d.io.particles.simulated import read_particles
from ssn3d.structures.ids import read_pdb_ids
from ssn3d.structures.structure import read_structure

_TARGETS = "1bxn 1qvr 1s3x 1u6g 2cg9 3cf3 3d2f 3gl1 3h84 3qm1 4cr2 4v4r_50S"
MAPS = {name[:4].upper(): name for name in _TARGETS.split()}
"""File of each target, without its ending."""
_LEAST_OF_HIGHEST = 0.2
"""Lowest value of a map's voxels that belong to the structure, relative to the highest."""
_MADE = {
    "structures": {"random": {"count": 10, "mass_dalton": [1.0e5, 2.0e6]}},
    "snr": {"datasets": [{"name": "A", "snr": 0.1}]},
}
TOMOGRAMS: dict[str, dict[str, Any]] = {
    "paper": {"seed": 909},
    "gold": {
        "seed": 910,
        "specimen": {
            "resolution_angstrom": 30.0,
            "fiducials": {"count": 3, "diameter_angstrom": 100.0, "place": "inside"},
            "vesicles": TWO_VESICLES,
        },
        "microscope": {"tilt": {"step_deg": 3.0}},
    },
    "flipped": {
        "seed": 911,
        "specimen": {"resolution_angstrom": 25.0},
        "microscope": {
            "tilt": {"min_deg": -54.0, "max_deg": 60.0, "step_deg": 2.0},
            "ctf_correction": "phase_flip",
            "alignment_errors": {
                "shift_sd_angstrom": 3.0,
                "rotation_sd_deg": 0.0,
                "axis_rotation_deg": 0.0,
            },
        },
    },
}
"""Differences of each tomogram from the paper's experiment."""
_CUBE = {"x": 96, "y": 96, "z": 96}
_SMALL = {
    "specimen": {"tomogram_size_voxels": _CUBE, "region_size_voxels": _CUBE, "particles": 60},
    "structures": {"random": {"count": 2}},
}
_SMALL_SEARCH = [ROOT / "config/find_demo.yaml", _SMALL]


def maps_of(folder: Path) -> dict[str, Any]:
    """Settings of the targets' maps."""
    found = []
    for pdb_id, name in MAPS.items():
        file = folder.resolve() / f"{name}.mrc"
        highest = float(read_mrc(file)[0].max())
        threshold = _LEAST_OF_HIGHEST * highest
        row = {"id": pdb_id, "file": str(file), "threshold": threshold, "mass_dalton": None}
        found.append(row)
    return {"structures": {"source": "surrogate", "maps": found}}


def simulate(name: str, parts: list[Any], folder: Path) -> Path:
    """Simulate a tomogram, unless it is there; return its folder."""
    at = folder / name
    if (at / "A.mrc").exists():
        return at
    at.mkdir(parents=True, exist_ok=True)
    config = load_config(*parts)
    simulate_tomogram(config, at / "structures", at, name=name, seed=config.seed)
    return at


def search(tomograms: dict[str, Path], parts: list[Any], folder: Path, cores: int) -> None:
    """Search tomograms, as a user does."""
    rows = []
    for name, at in tomograms.items():
        tilts = read_json(at / "acquisition.json", "tilts")["tilts"]["angle_deg"]
        rows.append(f"{name}\t{at / 'A.mrc'}\t\t{min(tilts)}\t{max(tilts)}")
    head = "name\tfile\tvoxel_size_angstrom\ttilt_min_deg\ttilt_max_deg"
    (folder / "tomograms.tsv").write_text("\n".join([head, *rows, ""]))
    files = []
    for number, part in enumerate(parts):
        if isinstance(part, dict):
            (folder / f"part{number}.yaml").write_text(yaml.safe_dump(part))
        files.append(folder / f"part{number}.yaml" if isinstance(part, dict) else part)
    wanted = ["results/find/expected.csv"]
    wanted += [f"results/find/picks/{name}/candidates.csv" for name in tomograms]
    command = [sys.executable, "-m", "snakemake", "--snakefile", ROOT / "Snakefile"]
    command += ["--cores", str(cores), "--directory", folder, *wanted, "--configfile", *files]
    subprocess.run(command, check=True)  # noqa: S603 -- the command above


def score(at: Path, candidates: pd.DataFrame, structures: Path) -> list[dict[str, Any]]:
    """Score the picks of each target in one tomogram."""
    shape = read_mrc(at / "A.mrc")[0].shape
    particles, rows = read_particles(at / "particles.star"), []
    for target, found in candidates.groupby("target"):
        structure = read_structure(structures / f"{target}.npz")
        ranked = found.sort_values("probability", ascending=False, kind="stable")
        distance = diameter_angstrom(structure.mass_dalton) / 2 / 10.0
        centres = ranked[[f"{axis}_voxels" for axis in "zyx"]].to_numpy()
        right, true = are_right(centres, particles, target, shape=shape, distance_voxels=distance)
        f1 = 2 * np.cumsum(right) / (np.arange(1, len(right) + 1) + true)
        kept = ranked["kept"].to_numpy()
        row = {"target": target, "mass_kda": round(structure.mass_dalton / 1000)}
        row |= {"tomogram": at.name, "particles": true, "best_f1": f1.max(initial=0.0)}
        rows.append(row | {"picks": kept.sum(), "right": (right & kept).sum()})
    return rows


def report(tomograms: dict[str, Path], folder: Path) -> None:
    """Score the picks in all tomograms; write and print the table."""
    results, rows = folder / "results", []
    for name, at in tomograms.items():
        candidates = pd.read_csv(results / "find/picks" / name / "candidates.csv")
        rows += score(at, candidates, results / "structures")
    table = pd.DataFrame(rows)
    table.to_csv(folder / "search.csv", index=False, float_format="%.3f")
    total = table[["particles", "picks", "right"]].sum()
    print(table.to_string(index=False))
    print(f"mean best F1 {table['best_f1'].mean():.2f}; of {total['particles']} particles", end=" ")
    print(f"{total['right']} are among {total['picks']} picks")


def run(folder: Path, maps: Path | None, particles: int | None, cores: int) -> None:
    """Simulate, search and score; without maps, tiny tomograms of bead models.

    `particles` are those in and around each tomogram, if not as many as by default.
    """
    small = maps is None
    targets = ["1KP8"] if small else list(MAPS)
    others = ["2GLS"] if small else read_pdb_ids(ROOT / "resources/pdb_ids.txt")
    ids = []
    for name, listed in {"targets": targets, "ids": [*targets, *others]}.items():
        (folder / f"{name}.txt").write_text("\n".join(listed) + "\n")
        ids.append({"structures": {"ids": str(folder / f"{name}.txt")}})
    given = {} if maps is None else maps_of(maps)
    world = [ROOT / "config.yaml", TOMOGRAM, _MADE, given]
    if particles is not None:
        world.append({"specimen": {"particles": particles}})
    tomograms = {
        name: simulate(name, [*world, change, ids[0], *([_SMALL] if small else [])], folder)
        for name, change in list(TOMOGRAMS.items())[: 1 if small else None]
    }
    files = [ROOT / f"config/{name}.yaml" for name in ("varied", "find")]
    find = {"find": {"tomograms": "tomograms.tsv", "targets": targets}}
    parts = [*files, *(_SMALL_SEARCH if small else []), given, ids[1], find]
    search(tomograms, [part for part in parts if part], folder, cores)
    report(tomograms, folder)


def main() -> None:
    """Read the command line, and run."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--maps", type=Path, help="PolNet's data/templates/mrcs_10A")
    parser.add_argument("--particles", type=int, help="in and around each tomogram (default: 700)")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--small", action="store_true")
    arguments = parser.parse_args()
    if not arguments.small and arguments.maps is None:
        parser.error("give --maps or --small")
    folder: Path = arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    with job(str(folder / "log.txt")):
        maps = None if arguments.small else arguments.maps
        run(folder, maps, arguments.particles, arguments.cores)


if __name__ == "__main__":
    main()
