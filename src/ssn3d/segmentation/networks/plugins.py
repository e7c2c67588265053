"""Networks that other packages bring: entry points of the group `ssn3d.networks`.

A package names a function that builds its network, from dropout rate to `torch.nn.Module`; the
function's attribute `block`, if it has one, is that of `segmentation.networks.Architecture`. Names
are read without importing anything; a package is imported once its network is asked for. Nothing
here imports torch.
"""

import re
from collections.abc import Callable
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from ssn3d.core.errors import ConfigError
from ssn3d.experiment.runs import METHODS, path_name

GROUP = "ssn3d.networks"
_TAKEN = {*METHODS, *map(path_name, METHODS)}


def package_networks() -> list[EntryPoint]:
    """List the networks of installed packages, by name."""
    return sorted(entry_points(group=GROUP), key=lambda point: (point.name, package_of(point)))


def package_of(point: EntryPoint) -> str:
    """Name the package that an entry point is of, and its version."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "no package"


def load_builder(name: str) -> Callable[[float], Any]:
    """Import the function that builds an installed package's network.

    Raises ConfigError where the name is of no package, of several or one of ours, cannot stand in a
    path, or leads to nothing that can be called.
    """
    points = [point for point in package_networks() if point.name == name]
    packages = " and ".join(map(package_of, points))
    if not points:
        raise ConfigError(f"network: {name!r} is not in an installed package")
    if len(points) > 1:
        raise ConfigError(f"network: {name!r} is of {packages}; uninstall all but one")
    if name in _TAKEN:
        raise ConfigError(f"network: {name!r} of {packages} is a name of ssn3d's own; rename it")
    if not re.fullmatch("[A-Za-z0-9-]+", name):
        rule = "must consist of letters, digits and dashes"
        raise ConfigError(f"network: {name!r} of {packages} {rule}; rename it")
    try:
        builder: Callable[[float], Any] = points[0].load()
    except Exception as error:  # whatever the package's own code raises
        raise ConfigError(_broken(name, packages, f"{type(error).__name__}: {error}")) from error
    if not callable(builder):
        raise ConfigError(_broken(name, packages, f"{points[0].value} is not a function"))
    return builder


def build_packaged(name: str, dropout: float) -> Any:
    """Build an installed package's network; ConfigError as in `load_builder`, or if it fails."""
    builder = load_builder(name)
    try:
        return builder(dropout)
    except Exception as error:
        (point,) = (point for point in package_networks() if point.name == name)
        why = f"{type(error).__name__}: {error}"
        raise ConfigError(_broken(name, package_of(point), why)) from error


def _broken(name: str, package: str, why: str) -> str:
    return f"network: {name!r} of {package} cannot be built ({why}); mend or remove the package"
