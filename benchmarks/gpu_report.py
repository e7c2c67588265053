"""The part of benchmarks/gpu.sh that is not shell: what it needs, and gpu.json from its logs.

`gpu_report.py FOLDER --device cuda` writes FOLDER/gpu.json; with `--check` it prints the number of
GPUs, or what is missing.
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
FOR_TESTS = ("snakemake", "pytest", "hypothesis", "astra-toolbox", "torch-ctf", "torchmetrics")
NETWORKS = ("SSN3D-ED", "SSN3D-v1", "SSN3D-v2", "UNet")


def missing_packages() -> list[str]:
    """Name the packages that the steps need and this Python lacks."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = [re.split("[<>=]", line)[0] for line in project["dependencies"]]
    installed = {re.sub("[-_.]+", "-", d.name).lower() for d in metadata.distributions()}
    return sorted({*needed, *FOR_TESTS} - installed)


def check(device: str) -> str:
    """Give the number of GPUs to be used; end with one line where something is missing."""
    if missing := missing_packages():
        sys.exit(
            f"error: packages missing from {sys.executable}: {', '.join(missing)}; "
            "requirements-dev.lock has the versions"
        )
    if device == "cpu":
        return "0"
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        sys.exit(
            f"error: torch {torch.__version__} sees no GPU; install a build of torch with CUDA, or "
            "try this script with --device cpu --small"
        )
    return str(torch.cuda.device_count())


def last_json(log: Path) -> dict[str, Any]:
    """Read the result at the end of a benchmark's log; empty if there is none."""
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    found: dict[str, Any] = next((json.loads(i) for i in reversed(lines) if i.startswith("{")), {})
    return found


def tests_passed(log: Path) -> int | None:
    """Count the tests that passed; None where none were run."""
    found = re.findall(r"(\d+) passed", log.read_text(encoding="utf-8")) if log.exists() else []
    return int(found[-1]) if found else None


def machine(device: str) -> dict[str, Any]:
    """Name the device, and the software that drives it."""
    torch = importlib.import_module("torch")
    cpu = importlib.import_module("ssn3d.core.provenance").hardware()["cpu"]
    return {
        "device": torch.cuda.get_device_name(0) if device == "cuda" else cpu,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
    }


def report(folder: Path, device: str) -> dict[str, Any]:
    """Collect what the steps measured; None where a step has not finished."""
    done = {path.stem for path in folder.glob("*.done")}
    seconds = {p.stem: int(p.read_text(encoding="ascii")) for p in sorted(folder.glob("*.seconds"))}
    networks = {name: last_json(folder / f"training_{name}.log") for name in NETWORKS}
    first, tomogram = networks["SSN3D-ED"], last_json(folder / "tomogram.log")
    return {
        "device": None,  # stands first
        "gpu_tests_passed": tests_passed(folder / "tests.log"),
        "ed_ms_per_subtomogram": first.get("ms_per_subtomogram"),
        "ed_epoch_seconds": first.get("epoch_seconds"),
        "share_of_matmul_rate": first.get("share_of_matmul_rate"),
        "tomogram_three_datasets_seconds": tomogram.get("seconds_three_datasets"),
        "tables_minutes": round(seconds["tables"] / 60, 1) if "tables" in done else None,
        "finished": sorted(done),
        "seconds_by_step": seconds,
        "networks": networks,
        "tomogram": tomogram,
        **machine(device),
    }


def main() -> None:
    """Check, or write the report."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--device", choices=["cuda", "cpu"], required=True)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    if arguments.check:
        print(check(arguments.device))
        return
    path, part = arguments.folder / "gpu.json", arguments.folder / "gpu.json.part"
    content = json.dumps(report(arguments.folder, arguments.device), indent=2)
    part.write_text(content + "\n", encoding="utf-8")
    part.replace(path)
    print(path)


if __name__ == "__main__":
    main()
