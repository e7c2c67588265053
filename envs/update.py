"""Write the conda environments from requirements.lock: `python envs/update.py`.

With `--check` it writes nothing, but names every difference between versions and the command that
fixes it, and fails if there is any. Environments pin the dependencies in pyproject.toml and their
dependencies. Run it where requirements.lock is installed.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PYTHON = PROJECT["requires-python"].removeprefix(">=")
PURPOSE = {
    "cpu": "For every job but those of `device: cuda`, whose environment is cuda.yaml.",
    "cuda": "For jobs of `device: cuda`. Only its torch may differ from cpu.yaml's: a CUDA build.",
}
TARGET = {  # the platform of the lock, whatever this runs on
    "extra": "",
    "platform_system": "Linux",
    "python_full_version": f"{PYTHON}.0",
    "python_version": PYTHON,
    "sys_platform": "linux",
}
INSTALLED = {"requirements.lock", "requirements-dev.lock", "."}  # all that pip may install
INSTALLERS = ("Makefile", "Containerfile")
DOCUMENTS = ("README.md", "docs/clusters.md", "docs/environments.md")
PYTHON_AFTER = {
    "Containerfile": "FROM python:",
    ".github/workflows/ci.yml": 'python-version: "',
    ".github/workflows/drills.yml": 'python-version: "',
}


def text_of(name: str) -> str:
    """Read a file of the repository; one that is missing is empty."""
    path = ROOT / name
    return path.read_text(encoding="utf-8") if path.exists() else ""


def pins(lock: str) -> dict[str, str]:
    """Read a lock: lines such as numpy==2.4.6 by name."""
    lines = text_of(lock).splitlines()
    return {canonicalize_name(line.split("==")[0]): line for line in lines if "==" in line}


def required_by(name: str) -> list[Requirement]:
    """Requirements of an installed package."""
    try:
        return [Requirement(text) for text in metadata.requires(name) or []]
    except metadata.PackageNotFoundError:
        return []  # new in pyproject.toml and not in the lock: `--check` says so


def needed(lock: dict[str, str]) -> dict[str, SpecifierSet]:
    """Direct and indirect requirements; of torch's, only those in the lock.

    Builds of torch differ in their other requirements, and pin them themselves.
    """
    todo = [Requirement(text) for text in PROJECT["dependencies"]]
    found: dict[str, SpecifierSet] = {}
    while todo:
        requirement = todo.pop()
        if requirement.marker and not requirement.marker.evaluate(TARGET):
            continue
        name = canonicalize_name(requirement.name)
        if name not in found:
            own = required_by(name)
            todo += [r for r in own if name != "torch" or canonicalize_name(r.name) in lock]
        found[name] = found.get(name, SpecifierSet()) & requirement.specifier
    return found


def environment(kind: str, lock: dict[str, str]) -> str:
    """Text of one environment file."""
    lines = [
        "# Written by envs/update.py from requirements.lock; change it there.",
        f"# {PURPOSE[kind]}",
        "channels:",
        "  - conda-forge",
        "  - nodefaults",
        "dependencies:",
        f"  - python={PYTHON}",
        "  - pip",
        "  - pip:",
        *(f"      - {lock[name]}" for name in sorted(set(needed(lock)) & set(lock))),
    ]
    return "\n".join(lines) + "\n"


def drifts_of_locks() -> Iterator[str]:
    """Yield differences between the locks and what follows from them, with the commands."""
    lock, extra = pins("requirements.lock"), pins("requirements-dev.lock")
    for name, versions in needed(lock).items():
        pin, spelled = lock.get(name, f"no {name}"), name.replace("-", "[-_.]")
        if name not in lock or not versions.contains(pin.split("==")[-1]):
            install = (
                f"pip install '{name}{versions}' && sed -i '/^{spelled}==/Id' requirements.lock"
            )
            freeze = f"pip freeze | grep -io '^{spelled}==[^+]*' >> requirements.lock"
            yield f"requirements.lock has {pin}, not {name}{versions}: {install} && {freeze}"
    for name in sorted(set(extra) & set(lock)):
        fix = f"sed -i '/^{extra[name]}$/d' requirements-dev.lock"
        yield f"requirements-dev.lock pins {name} again: {fix}"
    for kind in PURPOSE:
        if text_of(f"envs/{kind}.yaml") != environment(kind, lock):
            yield f"envs/{kind}.yaml differs from requirements.lock: python envs/update.py"


def drifts_of_documents() -> Iterator[str]:
    """Yield versions in the documentation that differ from the locks, with the commands."""
    locked = pins("requirements.lock") | pins("requirements-dev.lock")
    for file in DOCUMENTS:
        for pin in re.findall(r"[\w.-]+==[\w.]+", text_of(file)):
            right = locked.get(canonicalize_name(pin.split("==")[0]), pin)
            if pin != right:
                yield f"{file} has {pin}, the locks {right}: sed -i 's/{pin}/{right}/' {file}"


def drifts_of_installers() -> Iterator[str]:
    """Yield places that install something else than the locks say, with the commands."""
    for file, before in PYTHON_AFTER.items():
        if f"{before}{PYTHON}" not in text_of(file):
            fix = f"sed -i -E 's/({before})[0-9.]+/\\1{PYTHON}/' {file}"
            yield f"{file} must have pyproject.toml's Python, {PYTHON}: {fix}"
    for file in INSTALLERS:
        for line in re.findall(r"pip install([^&;|\n]*)", text_of(file)):
            words = {word for word in line.split() if not word.startswith("-")}
            for word in sorted(words - INSTALLED):
                fix = f"sed -i 's/ {word}/ -r requirements.lock/' {file}"
                yield f"{file} installs {word} without a version from a lock: {fix}"


if __name__ == "__main__":
    if "--check" in sys.argv:
        found = [*drifts_of_locks(), *drifts_of_documents(), *drifts_of_installers()]
        sys.exit("\n".join(found) or 0)
    for kind in PURPOSE:
        text = environment(kind, pins("requirements.lock"))
        (ROOT / "envs" / f"{kind}.yaml").write_text(text, encoding="utf-8")
