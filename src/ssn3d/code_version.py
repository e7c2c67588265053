"""The version of the code behind a result: what a script computes with, not what is said about it.

It is a hash of the syntax trees of the script and of all modules of this package that it reaches by
imports, without comments and docstrings: neither can change a result, so neither reruns a job.
"""

import ast
import functools
import hashlib
from pathlib import Path
from typing import NamedTuple


class _Module(NamedTuple):
    """What the version needs of one file."""

    code: str
    """Its code in one normal form, whatever its layout."""
    imports: frozenset[str]
    """Dotted names of modules, or of what is in them, that it imports."""


def _drop_text(tree: ast.AST) -> None:
    """Take docstrings out, those of attributes too: every statement that is only a text."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_idle(statement)] or [ast.Pass()]


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement does nothing: a text, or `pass`, which a body without a text needs."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return isinstance(statement.value.value, str)
    return isinstance(statement, ast.Pass)


@functools.cache
def _read(path: Path) -> _Module:
    """Read one file; once for all scripts, which share most modules."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imports: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            imports |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            imports |= {alias.name for alias in node.names}
    _drop_text(tree)
    return _Module(ast.unparse(tree), frozenset(imports))


def reached_files(script: Path, sources: Path) -> list[Path]:
    """List a script and the files of packages in the folder `sources` that it reaches, sorted."""
    todo, seen = [script], set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            for name in _read(path).imports:
                place = sources.joinpath(*name.split("."))
                files = (place.with_suffix(".py"), place / "__init__.py")
                todo += [file for file in files if file.exists()]
    return sorted(seen)


def code_version(script: Path, sources: Path) -> str:
    """Hash the code that a script reaches: 16 hexadecimal digits.

    Args:
        script: a Python file.
        sources: the folder that holds the package, from which the script imports.
    """
    code = "\0".join(_read(path).code for path in reached_files(script, sources))
    return hashlib.sha256(code.encode()).hexdigest()[:16]
