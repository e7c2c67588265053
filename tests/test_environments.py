"""Versions have one source; every difference is named with the command that fixes it."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch

REPOSITORY = Path(__file__).resolve().parents[1]
COPIED = ["Containerfile", "Makefile", "pyproject.toml"]
COPIED += ["requirements.lock", "requirements-dev.lock"]
DRIFTS = {
    "requirements.lock": ("numpy==2", "numpy==1"),
    "requirements-dev.lock": ("pytest==", "gemmi==0.1.2\npytest=="),
    "envs/cpu.yaml": ("scipy==1", "scipy==0"),
    "envs/cuda.yaml": ("torch==2", "torch==1"),
    "docs/clusters.md": ("plugin-slurm==", "plugin-slurm==0."),
    "Makefile": ("--quiet -r requirements.lock", "--quiet torch==2.4.0"),
    "Containerfile": ("python:3.", "python:4."),
    ".github/workflows/ci.yml": ('python-version: "3.', 'python-version: "4.'),
}


@pytest.fixture
def copy(tmp_path):
    """Copy the files that contain versions."""
    for name in COPIED:
        shutil.copy(REPOSITORY / name, tmp_path)
    for name in ("envs", "docs", ".github"):
        shutil.copytree(REPOSITORY / name, tmp_path / name)
    return tmp_path


def run(command, folder):
    """Run a command line with this Python's programs first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path}
    command = ["bash", "-c", command]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def drifts(folder):
    """List the differences that the check prints; its exit status must agree."""
    done = run("python envs/update.py --check", folder)
    lines = done.stderr.splitlines()
    assert done.returncode == bool(lines)
    return lines


def test_every_difference_is_named_and_its_command_fixes_it(copy):
    for file, (before, after) in DRIFTS.items():
        text = (copy / file).read_text()
        assert before in text
        (copy / file).write_text(text.replace(before, after))
    found = drifts(copy)
    assert {line.split()[0].rstrip(":") for line in found} == set(DRIFTS)
    for line in found:
        done = run(line.split(": ", 1)[1], copy)
        assert done.returncode == 0, done.stdout + done.stderr
    assert drifts(copy) == []


def test_a_new_pin_reaches_the_environments(copy):
    lock = copy / "requirements.lock"
    lock.write_text(lock.read_text().replace("gemmi==0.7.5", "gemmi==0.7.9"))
    assert [line.split()[0] for line in drifts(copy)] == ["envs/cpu.yaml", "envs/cuda.yaml"]
    assert run("python envs/update.py", copy).returncode == 0
    assert "gemmi==0.7.9" in (copy / "envs" / "cuda.yaml").read_text()
    assert drifts(copy) == []


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("scipy>=99", "requirements.lock has scipy=="),
        ("nosuch>=1", "requirements.lock has no nosuch"),
    ],
)
def test_a_dependency_that_the_lock_does_not_satisfy_is_named(copy, wanted, said):
    project = copy / "pyproject.toml"
    text = project.read_text()
    project.write_text(text.replace('"scipy>=1.15",', f'"scipy>=1.15", "{wanted}",'))
    (line,) = drifts(copy)
    assert line.startswith(said)
    assert f": pip install '{wanted.split('>')[0]}" in line


def test_the_environments_agree_with_the_lock_and_differ_in_a_comment_alone():
    """The same packages at the same versions; which build of torch is up to pip."""
    assert drifts(REPOSITORY) == []
    cpu, cuda = (
        (REPOSITORY / "envs" / f"{kind}.yaml").read_text().splitlines() for kind in ("cpu", "cuda")
    )
    assert [line for line in cpu if line[0] != "#"] == [line for line in cuda if line[0] != "#"]
    assert cpu != cuda


def test_a_torch_without_cuda_is_refused_in_the_cuda_environment():
    done = run("sh envs/cuda.post-deploy.sh", REPOSITORY)
    if torch.version.cuda is None:
        assert done.returncode == 1
        assert "built without CUDA" in done.stderr
        assert len(done.stderr.splitlines()) == 1
    else:
        assert done.returncode == 0
