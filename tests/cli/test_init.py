"""`ssn3d init`, from a checkout and from a wheel, and the content of the wheel."""

import os
import shutil
import subprocess
import sys
import zipfile

import pytest

from commands import error_of
from small_workflow import REPOSITORY, copy_repository
from ssn3d.cli.main import main
from ssn3d.io.files import sha256_of

SMALL = REPOSITORY / "tests" / "workflow" / "small.yaml"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the wheel in a copy of the repository, and unpack it."""
    folder = tmp_path_factory.mktemp("wheel")
    copy_repository(folder)
    shutil.copytree(REPOSITORY / "config", folder / "config")
    for name in ("LICENSE", "README.md", "pyproject.toml", "setup.py"):
        shutil.copy(REPOSITORY / name, folder)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "."]
    subprocess.run(command, cwd=folder, capture_output=True, check=True)
    (built,) = folder.glob("ssn3d-*.whl")
    with zipfile.ZipFile(built) as content:
        content.extractall(folder / "site")
    return folder / "site"


def test_folder_has_the_configuration(tmp_path, capsys):
    main(["init", str(tmp_path / "mine")])
    names = {path.name for path in (tmp_path / "mine").iterdir()}
    assert names == {"Snakefile", "config.yaml", "config", "profiles", "resources", "workflow"}
    copied = tmp_path / "mine" / "config.yaml"
    assert sha256_of(copied) == sha256_of(REPOSITORY / "config.yaml")
    assert str(tmp_path / "mine") in capsys.readouterr().out


@pytest.mark.parametrize("name", ["Snakefile", "config.yaml", "profiles"])
def test_existing_files_are_kept(tmp_path, name, capsys):
    (tmp_path / name).write_text("mine")
    line = error_of(["init", tmp_path], capsys)
    assert f"{tmp_path / name}: exists already; give another folder" in line
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]


@pytest.mark.slow
def test_wheel_runs_workflow(site, tmp_path):
    """Nothing of the repository is used: neither its package nor its rules."""
    assert (site / "ssn3d" / "models" / "LICENSE.md").exists()
    assert len(list(site.glob("ssn3d-*.dist-info/licenses/LICENSE"))) == 1
    environment = {**os.environ, "PYTHONPATH": str(site)}
    run = {"env": environment, "capture_output": True, "text": True}
    python, folder = [sys.executable, "-m"], tmp_path / "mine"
    subprocess.run([*python, "ssn3d.cli.main", "init", folder], check=True, cwd=tmp_path, **run)
    (folder / "ids.txt").write_text("1KP8\n2GLS\n1W6T\n")
    command = [*python, "snakemake", "--cores", "1", "--configfile", SMALL]
    target = folder / "results" / "structures" / "1KP8.npz"
    done = subprocess.run(
        [*command, "--", target.relative_to(folder)], check=False, cwd=folder, **run
    )
    assert done.returncode == 0, done.stderr
    assert target.exists()
    assert str(REPOSITORY / "src") not in done.stdout + done.stderr
    conda = subprocess.run([*command, "-n", "--use-conda"], check=False, cwd=folder, **run)
    assert "do not have the installed package" in conda.stdout + conda.stderr
