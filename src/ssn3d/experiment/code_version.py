"""The version of the code behind a result.

A hash of a script and of all modules of this package that it imports, directly or indirectly.
Comments, docstrings, messages, help, code used for these alone, the modules in `_FOR_PEOPLE` and
the version of the package are left out, so that rewording reruns no job and loses no checkpoint.
"""

import ast
import functools
import hashlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_FOR_PEOPLE = {"errors", "log", "provenance"}
"""Modules that do not affect results."""
_LOG_METHODS = {"debug", "info", "warning", "error", "exception"}
_DESCRIBING_KEYWORDS = {"description", "help"}
_EFFECT_FREE_CALLS = {
    *("dict", "float", "fromkeys", "get", "int", "join", "len", "list", "removeprefix"),
    *("removesuffix", "repr", "round", "set", "sorted", "split", "str", "strip", "tuple"),
}
"""Calls without effect if their value is not used; most build text."""


class _Piece(NamedTuple):
    """A statement of a module."""

    name: str | None
    """Name defined by the statement, if it matters only where that name is used."""
    code: str
    """Code in a normal form, independent of layout."""
    used: frozenset[str]
    """Names used by the statement."""


class _Module(NamedTuple):
    """A parsed file."""

    pieces: list[_Piece]
    imports: frozenset[str]
    """Dotted names of the imported modules and objects."""


class _WithoutText(ast.NodeTransformer):
    """Removes text that cannot affect a result."""

    def generic_visit(self, node: ast.AST) -> ast.AST:
        """Remove idle statements from the bodies of a statement."""
        super().generic_visit(node)
        for field in ("body", "orelse", "finalbody"):
            body = getattr(node, field, None)
            if body and isinstance(body, list):
                active = [statement for statement in body if not _is_idle(statement)]
                body[:] = active or ([ast.Pass()] if field == "body" else [])
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """Remove local values that only messages used."""
        self.generic_visit(node)
        _WithoutNames(_unused_locals(node)).generic_visit(node)
        return node

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Remove the arguments of errors and warnings, titles of progress bars, descriptions."""
        self.generic_visit(node)
        name = _last_name(node.func)
        if name.endswith("Error") or name == "warn":
            node.args, node.keywords = [], []
        elif name == "progress":
            node.args = node.args[:1]
        node.keywords = [each for each in node.keywords if each.arg not in _DESCRIBING_KEYWORDS]
        return node

    def visit_Assert(self, node: ast.Assert) -> ast.AST:
        """Remove the message."""
        node.msg = None
        return self.generic_visit(node)


class _WithoutNames(ast.NodeTransformer):
    """Removes assignments to some names of a function."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        """Replace an assignment by `pass`."""
        return ast.Pass() if _assigned(node) in self.names else node


def _last_name(node: ast.expr) -> str:
    """Return the name of a function or method; empty for other expressions."""
    return getattr(node, "attr", getattr(node, "id", ""))


def _is_idle(statement: ast.stmt) -> bool:
    """True if a statement is a string, `pass`, or a call of the logger."""
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value.func
        if isinstance(call, ast.Attribute):
            return call.attr in _LOG_METHODS and _last_name(call.value) == "logger"
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return isinstance(statement.value.value, str)
    return isinstance(statement, ast.Pass)


def _is_effect_free(node: ast.expr) -> bool:
    """True if an expression has no effect but its value."""
    calls = (each.func for each in ast.walk(node) if isinstance(each, ast.Call))
    return all(_last_name(call) in _EFFECT_FREE_CALLS for call in calls)


def _assigned(statement: ast.stmt) -> str | None:
    """Return the name that an effect-free assignment binds; None for other statements."""
    if isinstance(statement, ast.Assign) and _is_effect_free(statement.value):
        (target, *others) = statement.targets
        return target.id if isinstance(target, ast.Name) and not others else None
    return None


def _used(node: ast.AST) -> set[str]:
    """Names that code uses, also as attributes and under another name."""
    names = set()
    for each in ast.walk(node):
        if isinstance(each, ast.Name) and not isinstance(each.ctx, ast.Store):
            names.add(each.id)
        elif isinstance(each, ast.Attribute):
            names.add(each.attr)
        elif isinstance(each, ast.alias):
            names.add(each.name)
    return names


def _unused_locals(function: ast.FunctionDef) -> set[str]:
    """Names that effect-free assignments bind in a function, and that nothing uses."""
    declarations = [n for n in ast.walk(function) if isinstance(n, ast.Global | ast.Nonlocal)]
    shared = {name for node in declarations for name in node.names}
    assigned = {_assigned(node) for node in ast.walk(function) if isinstance(node, ast.stmt)}
    return {name for name in assigned if name} - _used(function) - shared


def _pieces(tree: ast.Module) -> Iterator[_Piece]:
    """Divide a module into its statements; an import of several names into one for each."""
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom):
            for alias in statement.names:
                line = f"from {statement.module} import {alias.name} as {alias.asname}"
                used = {alias.name} if alias.asname else set()
                yield _Piece(alias.asname or alias.name, line, frozenset(used))
            continue
        name = _assigned(statement)
        if isinstance(statement, ast.FunctionDef) and not statement.decorator_list:
            name = statement.name if statement.name.startswith("_") else None
        yield _Piece(name, ast.unparse(statement), frozenset(_used(statement)))


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
    changed = _WithoutText().visit(tree)
    return _Module(list(_pieces(changed)), frozenset(imports))


def reached_files(script: Path, sources: Path) -> list[Path]:
    """Sorted list of a script and the files below `sources` that it imports, directly or not."""
    todo, seen = [script], set()
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            for name in _read(path).imports:  # with the packages that a module is in
                places = itertools.accumulate(name.split("."), Path.joinpath, initial=sources)
                files = [f for p in places for f in (p.with_suffix(".py"), p / "__init__.py")]
                todo += [f for f in files if f.exists() and f.stem not in _FOR_PEOPLE]
    return sorted(seen)


def code_version(script: Path, sources: Path) -> str:
    """Hash a script and the code that it imports from a package's folder: 16 hexadecimal digits."""
    pieces = [piece for path in reached_files(script, sources) for piece in _read(path).pieces]
    used: set[str] = set()
    more = True
    while more:
        kept = [p for p in pieces if p.name is None or p.name in used]
        found = used.union(*(piece.used for piece in kept))
        more, used = found != used, found
    code = "\0".join(piece.code for piece in kept if piece.name != "__version__")
    return hashlib.sha256(code.encode()).hexdigest()[:16]
