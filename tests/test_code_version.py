"""A rule's code version changes with the code of its script, and with nothing else."""

import pytest

from ssn3d import code_version as module
from ssn3d.code_version import code_version, reached_files

SCRIPT = '"""Run it."""\n\nfrom package.steps import run\n\nrun()\n'
STEPS = '''"""Steps."""

from dataclasses import dataclass

from package import errors
import package.numbers


@dataclass
class Settings:
    """Settings."""

    size: int = 3
    """Voxels."""


def run(size: int = 3) -> int:
    """Run."""
    return size + package.numbers.MORE
'''
FILES = {
    "script.py": SCRIPT,
    "package/__init__.py": '"""A package."""\n',
    "package/steps.py": STEPS,
    "package/numbers.py": "MORE = 1\n",
    "package/errors.py": 'class DataError(Exception):\n    """Damaged."""\n',
    "package/unused.py": "X = 1\n",
}


def version(folder):
    """Return the version as a new process would."""
    module._read.cache_clear()
    return code_version(folder / "script.py", folder)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "package").mkdir()
    for name, text in FILES.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def changed(folder, name, before, after):
    """Whether an edit of one file changes the version."""
    old = version(folder)
    text = (folder / name).read_text()
    assert before in text
    (folder / name).write_text(text.replace(before, after))
    return version(folder) != old


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("script.py", "Run it.", "Run all of it."),
        ("script.py", '"""Run it."""\n\n', ""),
        ("package/steps.py", "Voxels.", "Voxels along an edge."),
        ("package/steps.py", '    """Run."""\n', ""),
        ("package/steps.py", "    return", "    # a comment\n    return"),
        ("package/steps.py", "size + package", "size  +  package"),
        ("package/errors.py", '"""Damaged."""', "pass"),
        ("package/unused.py", "X = 1", "X = 2"),
    ],
)
def test_comments_docstrings_and_unused_modules_change_nothing(folder, name, before, after):
    assert not changed(folder, name, before, after)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("script.py", "run()", "run(4)"),
        ("package/steps.py", "size: int = 3\n    ", "size: int = 4\n    "),
        ("package/steps.py", "size +", "size -"),
        ("package/numbers.py", "1", "2"),
        ("package/numbers.py", "1", "'1'"),
        ("package/errors.py", "(Exception)", "(ValueError)"),
        ("package/__init__.py", '"""\n', '"""\nX = 1\n'),
    ],
)
def test_changed_code_changes_the_version(folder, name, before, after):
    assert changed(folder, name, before, after)


def test_modules_reached_directly_and_indirectly(folder):
    reached = sorted(folder / name for name in FILES if name != "package/unused.py")
    assert reached_files(folder / "script.py", folder) == reached
