"""Put the workflow into the wheel, where `ssn3d init` finds it; all else is in pyproject.toml."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

HERE = Path(__file__).parent
FILES = ("Snakefile", "config.yaml")
FOLDERS = ("config", "envs", "profiles", "resources", "workflow")


class BuildWithWorkflow(build_py):
    """Copy the workflow into ssn3d/_repository; an editable installation uses the checkout's."""

    def run(self) -> None:
        """Build the package, then copy."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "ssn3d" / "_repository"
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        target.mkdir(parents=True)
        for name in FILES:
            shutil.copy(HERE / name, target)
        for name in FOLDERS:
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(HERE / name, target / name, ignore=ignored)


setup(cmdclass={"build_py": BuildWithWorkflow})
