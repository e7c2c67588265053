"""The part of benchmarks/gpu.sh that is not shell: what it needs, and its report.

`gpu_report.py FOLDER --device cuda` writes FOLDER/gpu.json from what the steps have left there so
far; on a CPU it is cpu.json. `--check` ends with one line if something is missing, and else
describes the machine in FOLDER/machine.json. `--test-files` lists the files with tests of a GPU.
"""

import argparse
import importlib
import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FOR_TESTS = ("pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "torch-ctf")
NETWORKS = ("SSN3D-ED", "SSN3D-v1", "SSN3D-v2", "UNet")
ON_GPU = re.compile(r"mark\.gpu\b|def \w+\([^)]*\bdevice\b")
"""A test of a GPU: it is marked, or it or a fixture of its has the fixture `device`."""
TRIAL = "ran on a CPU: a trial of benchmarks/gpu.sh, no result of a GPU"


def missing_packages(device: str) -> list[str]:
    """Name the packages that the steps need and this Python lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [re.split("[<>=]", line)[0] for line in project["dependencies"]]
    installed = {re.sub("[-_.]+", "-", d.name).lower() for d in metadata.distributions()}
    return sorted({*needed, *(FOR_TESTS if device == "cuda" else ())} - installed)


def check(device: str) -> dict[str, Any]:
    """Describe the device and its software; end with one line where something is missing."""
    if missing := missing_packages(device):
        sys.exit(
            f"error: packages missing from {sys.executable}: {', '.join(missing)}; "
            "requirements-dev.lock has the versions"
        )
    torch = importlib.import_module("torch")
    if device == "cuda" and not torch.cuda.is_available():
        sys.exit(
            f"error: torch {torch.__version__} sees no GPU; install a build of torch with CUDA, or "
            "try this script with --device cpu --small"
        )
    cpu = importlib.import_module("ssn3d.core.provenance").hardware()["cpu"]
    return {
        "device": torch.cuda.get_device_name(0) if device == "cuda" else cpu,
        "python": sys.version.split()[0],
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def files_with_tests() -> list[Path]:
    """List the files with tests of a GPU; others may import packages that only they need."""
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [path for path in files if ON_GPU.search(path.read_text(encoding="utf-8"))]


def last_json(log: Path) -> dict[str, Any]:
    """Read the last result in a benchmark's log; empty if there is none, or it is cut short."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    results = re.findall(r"^\{.*\}$", text, re.MULTILINE)
    found: dict[str, Any] = json.loads(results[-1]) if results else {}
    return found


def counted_tests(log: Path) -> dict[str, int | None]:
    """Count the tests of the last attempt by outcome; None where none has ended."""
    text = log.read_text(encoding="utf-8") if log.exists() else ""
    ends = re.findall(r"^=+ (.*) in [\d.]+s.* =+$", text, re.MULTILINE)
    found = {word: int(n) for n, word in re.findall(r"(\d+) (\w+)", ends[-1])} if ends else {}
    words = ("passed", "failed", "skipped")
    return {f"gpu_tests_{word}": found.get(word, 0) if ends else None for word in words}


def rows_of(folder: Path) -> list[dict[str, Any]]:
    """Read the rows that `train_rows.py` has finished, in its order."""
    rows = [json.loads(p.read_text(encoding="utf-8")) for p in folder.glob("*.json")]
    return sorted(rows, key=lambda row: row["number"])


def report(folder: Path, device: str) -> dict[str, Any]:
    """Collect what the steps have measured so far; None where a step has not finished."""
    done = {path.stem for path in folder.glob("*.done")}
    seconds = {p.stem: int(p.read_text(encoding="ascii")) for p in sorted(folder.glob("*.seconds"))}
    networks = {name: last_json(folder / f"training_{name}.log") for name in NETWORKS}
    first, tomogram = networks["SSN3D-ED"], last_json(folder / "tomogram.log")
    machine = json.loads((folder / "machine.json").read_text(encoding="utf-8"))
    tests, rows = counted_tests(folder / "tests.log"), rows_of(folder / "tables")
    return {
        "device": machine["device"],
        **({} if device == "cuda" else {"trial": TRIAL}),
        "gpu_tests_passed": tests.pop("gpu_tests_passed"),
        "ed_ms_per_subtomogram": first.get("ms_per_subtomogram"),
        "ed_epoch_seconds": first.get("epoch_seconds"),
        "share_of_matmul_rate": first.get("share_of_matmul_rate"),
        "tomogram_three_datasets_seconds": tomogram.get("seconds_three_datasets"),
        "tables_minutes": round(seconds["tables"] / 60, 1) if "tables" in done else None,
        "table2": [row for row in rows if not row["split"].startswith("without_")],
        "table3": [row for row in rows if row["split"].startswith("without_")],
        "models": rows_of(folder / "models"),
        **tests,
        "finished": sorted(done),
        "seconds_by_step": seconds,
        "networks": networks,
        "tomogram": tomogram,
        **machine,
    }


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace a JSON file."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    part.replace(path)


def main() -> None:
    """Check, list, or write the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--test-files", action="store_true")
    arguments = parser.parse_args()
    folder, device = arguments.folder, arguments.device
    if arguments.check:
        write(folder / "machine.json", check(device))
    elif arguments.test_files:
        print(*files_with_tests(), sep="\n")
    else:
        path = folder / ("gpu.json" if device == "cuda" else "cpu.json")
        write(path, report(folder, device))


if __name__ == "__main__":
    main()
