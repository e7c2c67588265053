"""The version of the code behind a result.

A hash of the syntax trees of a script and of all modules of this package that it imports, directly
or indirectly. Comments and docstrings are left out: they cannot change a result, so editing them
reruns no job.
"""

import ast
import functools
import hashlib
from pathlib import Path
from typing import NamedTuple


class _Module(NamedTuple):
    """A parsed file."""

    code: str
    """Its code in a normal form, independent of layout."""
    imports: frozenset[str]
    """Dotted names of the modules and objects that it imports."""


def _drop_text(tree: ast.AST) -> None:
    """Remove docstrings, also of attributes: all statements that are only a string."""
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list):
            body[:] = [statement for statement in body if not _is_idle(statement)] or [ast.Pass()]


def _is_idle(statement: ast.stmt) -> bool:
    """Whether a statement does nothing: a string or `pass`."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return isinstance(statement.value.value, str)
    return isinstance(statement, ast.Pass)


@functools.cache
def _read(path: Path) -> _Module:
    """Parse a file; cached, because scripts share most modules."""
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
    """List a script and the files below `sources` that it imports, directly or not, sorted."""
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
    """Hash a script and the code that it imports: 16 hexadecimal digits.

    Args:
        script: a Python file.
        sources: the folder of the package that the script imports.
    """
    code = "\0".join(_read(path).code for path in reached_files(script, sources))
    return hashlib.sha256(code.encode()).hexdigest()[:16]
