"""Write the conda environments from requirements.lock: `python envs/update.py`, or `--check`.

An environment pins what pyproject.toml depends on, and all that those depend on in turn. The CUDA
environment differs from the CPU one in torch alone. Run it where requirements.lock is installed.
"""

import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TORCH = {
    "cpu": "torch==2.13.0",
    "cuda": "torch==2.13.0 # on Linux the ordinary registry's build of this version has CUDA",
}


def normal(name: str) -> str:
    """Give a package's name as registries compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def pins() -> dict[str, str]:
    """Read the lock: lines such as numpy==2.4.6 by name."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    return {normal(line.split("==")[0]): line for line in lines if "==" in line}


def needed() -> set[str]:
    """Names of the package's dependencies, direct and indirect, torch and its own left out."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    todo, seen = list(project["dependencies"]), set()
    while todo:
        requirement = todo.pop()
        name = normal(re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0])
        if name in seen or name == "torch" or "extra ==" in requirement:
            continue
        if name not in pins():
            continue  # for another platform or Python
        seen.add(name)
        todo += metadata.requires(name) or []
    return seen


def environment(kind: str) -> str:
    """Text of one environment file."""
    lines = [
        "# Written by envs/update.py from requirements.lock; change it there.",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        "  - python=3.11",
        "  - pip",
        "  - pip:",
        f"      - {TORCH[kind]}",
        *(f"      - {pins()[name]}" for name in sorted(needed())),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    stale = []
    for kind in TORCH:
        path = ROOT / "envs" / f"{kind}.yaml"
        if not path.exists() or path.read_text(encoding="utf-8") != environment(kind):
            stale.append(path.name)
            if "--check" not in sys.argv:
                path.write_text(environment(kind), encoding="utf-8")
    if stale:
        sys.stdout.write(f"{', '.join(stale)}: differ from the lock; python envs/update.py\n")
        sys.exit(1 if "--check" in sys.argv else 0)
