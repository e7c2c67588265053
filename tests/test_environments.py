"""Versions of packages and of Python agree in all files that state them."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import torch
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ssn3d import __version__

REPOSITORY = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
PYTHON = PROJECT["requires-python"].removeprefix(">=")
WORKFLOWS = [f".github/workflows/{name}.yml" for name in ("ci", "docs", "drills")]
CONDA_NAMES = {"matplotlib-base": "matplotlib", "pytorch": "torch"}
INSTALLED = {"requirements.lock", "requirements-dev.lock", "requirements-docs.lock", "."}


def text_of(file):
    return (REPOSITORY / file).read_text()


def pins(lines):
    """Versions by canonical name."""
    pairs = (line.split("==") for line in lines if "==" in line)
    return {canonicalize_name(name): version for name, version in pairs}


LOCK = pins(text_of("requirements.lock").splitlines())
DEV_LOCK = pins(text_of("requirements-dev.lock").splitlines())
DOCS_LOCK = pins(text_of("requirements-docs.lock").splitlines())


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_environments_match_lock(kind):
    python, pip, packages = yaml.safe_load(text_of(f"envs/{kind}.yaml"))["dependencies"]
    assert (python, pip) == (f"python={PYTHON}", "pip")
    assert pins(packages["pip"]) == LOCK, "run `make environments`"


def test_lock_satisfies_project():
    for requirement in map(Requirement, PROJECT["dependencies"]):
        version = LOCK.get(canonicalize_name(requirement.name))
        assert version, f"requirements.lock lacks {requirement.name}"
        assert version in requirement.specifier, requirement
    assert not LOCK.keys() & (DEV_LOCK.keys() | DOCS_LOCK.keys())
    shared = DEV_LOCK.keys() & DOCS_LOCK.keys()  # both may be installed in one environment
    assert {name: DEV_LOCK[name] for name in shared} == {name: DOCS_LOCK[name] for name in shared}


def test_documented_versions_match_locks():
    stated = [
        pin
        for path in [REPOSITORY / "README.md", *(REPOSITORY / "docs").rglob("*.md")]
        for pin in re.findall(r"[\w.-]+==[\w.]+", path.read_text())
    ]
    assert stated
    assert pins(stated).items() <= (LOCK | DEV_LOCK).items()


def test_python_versions_agree():
    assert re.findall(r"FROM python:([\d.]+)", text_of("Containerfile")) == [PYTHON]
    for file in WORKFLOWS:
        assert set(re.findall(r'python-version: "([\d.]+)"', text_of(file))) == {PYTHON}


def test_conda_recipe_matches_project():
    recipe = yaml.safe_load(text_of("packaging/conda/recipe.yaml"))
    needed = [line.replace(" ", "", 1) for line in recipe["requirements"]["run"]]
    stated = {CONDA_NAMES.get(r.name, r.name): r.specifier for r in map(Requirement, needed)}
    required = {r.name: r.specifier for r in map(Requirement, PROJECT["dependencies"])}
    assert stated == required | {"python": Requirement(f"python>={PYTHON}").specifier}


@pytest.mark.parametrize(("tag", "code"), [(f"v{__version__}", 0), ("v99.0.0", 1)])
def test_release_needs_its_tag(tag, code):
    command = [sys.executable, REPOSITORY / "packaging" / "check_version.py", tag]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert done.stderr.count("the tag is v99.0.0") == 3 * code


@pytest.mark.parametrize("file", ["Makefile", "Containerfile"])
def test_only_locked_packages_are_installed(file):
    lines = re.findall(r"pip install([^&;|\n]*)", text_of(file))
    words = {word for line in lines for word in line.split() if word[0] != "-"}
    assert "requirements.lock" in words
    assert words <= INSTALLED


def test_cuda_environment_refuses_cpu_torch():
    script = REPOSITORY / "envs/cuda.post-deploy.sh"
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(["sh", script], env=environment, capture_output=True, check=False)
    assert done.returncode == (torch.version.cuda is None)
    assert (b"built without CUDA" in done.stderr) == (torch.version.cuda is None)
