"""A rule's code version changes with the code of its script, and not with text for people."""

import ast
import shutil

import pytest

from ssn3d.experiment import code_version as module
from ssn3d.experiment.code_version import code_version, reached_files

SCRIPT = '"""Run it."""\n\nfrom package.steps import run\n\nrun()\n'
STEPS = '''"""Steps."""

from dataclasses import dataclass

import logging

from package.errors import DataError
import package.numbers

logger = logging.getLogger("package")
_REMEDY = "delete it and rerun"
LIMIT = 9


@dataclass
class Settings:
    """Settings."""

    size: int = 3
    """Voxels."""


def run(size: int = 3) -> int:
    """Run."""
    message = f"{size}: too large"
    if size > LIMIT:
        raise DataError(f"{message}; {_REMEDY}")
    logger.info("%d voxels", size)
    if size < 0:
        raise _negative(size)
    else:
        logger.info("%d is well", size)
    assert size, "none"
    return size + package.numbers.MORE


def _negative(size):
    remedy = "give a positive one"
    return DataError(f"{size} is negative; {remedy}")
'''
FILES = {
    "script.py": SCRIPT,
    "package/__init__.py": '"""A package."""\n\n__version__ = "1"\n',
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
    """True if an edit of one file changes the version."""
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
        ("package/steps.py", "too large", "too big"),
        ("package/steps.py", '"delete it and rerun"', '"repeat the command"'),
        ("package/steps.py", "%d voxels", "size: %d"),
        ("package/steps.py", '    logger.info("%d voxels", size)\n', ""),
        ("package/steps.py", "is well", "is fine"),
        ("package/steps.py", ', "none"', ""),
        ("package/steps.py", "a positive one", "another"),
        ("package/errors.py", '"""Damaged."""', "pass"),
        ("package/errors.py", "(Exception)", "(ValueError)"),
        ("package/__init__.py", '"1"', '"2"'),
        ("package/unused.py", "X = 1", "X = 2"),
    ],
)
def test_text_changes_nothing(folder, name, before, after):
    assert not changed(folder, name, before, after)


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("script.py", "run()", "run(4)"),
        ("package/steps.py", "size: int = 3\n    ", "size: int = 4\n    "),
        ("package/steps.py", "size +", "size -"),
        ("package/numbers.py", "1", "2"),
        ("package/numbers.py", "1", "'1'"),
        ("package/steps.py", "LIMIT = 9", "LIMIT = 8"),
        ("package/steps.py", "size > LIMIT", "size >= LIMIT"),
        ("package/steps.py", "raise DataError", "raise ValueError"),
        ("package/steps.py", "        raise _negative(size)", "        pass"),
        ("package/__init__.py", '"1"\n', '"1"\nprint()\n'),
    ],
)
def test_code_changes_version(folder, name, before, after):
    assert changed(folder, name, before, after)


def test_reached_modules(folder):
    left_out = {"package/unused.py", "package/errors.py"}
    reached = sorted(folder / name for name in FILES if name not in left_out)
    assert reached_files(folder / "script.py", folder) == reached


class _Reworded(ast.NodeTransformer):
    """Rewords what an error says and what the log tells."""

    def visit_Call(self, node):
        self.generic_visit(node)
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        if name.endswith("Error") or name in {"info", "warning"}:
            node.args = [ast.Constant("other words")]
        return node


def test_package_reworded(repository, tmp_path):
    """Other messages in all modules, and another version, change no rule's code."""
    sources = tmp_path / "src"
    shutil.copytree(repository / "src" / "ssn3d", sources / "ssn3d")
    scripts = sorted((repository / "workflow" / "scripts").glob("*.py"))
    before = [code_version(script, sources) for script in scripts]
    for path in sources.rglob("*.py"):
        path.write_text(ast.unparse(_Reworded().visit(ast.parse(path.read_text()))))
    start = sources / "ssn3d" / "__init__.py"
    start.write_text(start.read_text().replace("__version__ = '0", "__version__ = '9"))
    module._read.cache_clear()
    assert [code_version(script, sources) for script in scripts] == before
    assert len(set(before)) == len(scripts)
