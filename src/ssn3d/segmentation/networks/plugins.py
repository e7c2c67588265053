"""Networks of installed packages: entry points of the group `ssn3d.networks`.

An entry point names a function from dropout rate to `torch.nn.Module`; its optional attribute
`block` is that of `registry.Architecture`. Listing names imports nothing; a package is imported
when its network is requested. This module does not import torch.
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
    """Name and version of an entry point's package."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else "no package"


def load_builder(name: str) -> Callable[[float], Any]:
    """Import the function that builds an installed package's network.

    Raises ConfigError if no package or several have a network of this name, if the name is one of
    ssn3d's or unfit for a path, or if the entry point is not a function.
    """
    points = [point for point in package_networks() if point.name == name]
    packages = " and ".join(map(package_of, points))
    if not points:
        raise ConfigError(f"network: {name!r} is not in an installed package")
    if len(points) > 1:
        raise ConfigError(f"network: {name!r} is in both {packages}; uninstall all but one")
    if name in _TAKEN:
        raise ConfigError(f"network: {name!r} of {packages} has a name of ssn3d's; rename it")
    if not re.fullmatch("[A-Za-z0-9-]+", name):
        rule = "must consist of letters, digits and dashes"
        raise ConfigError(f"network: {name!r} of {packages} {rule}; rename it")
    try:
        builder: Callable[[float], Any] = points[0].load()
    except Exception as error:  # whatever the package's own code raises
        raise _broken(name, packages, f"{type(error).__name__}: {error}") from error
    if not callable(builder):
        raise _broken(name, packages, f"{points[0].value} is not a function")
    return builder


def build_packaged(name: str, dropout: float) -> Any:
    """Build an installed package's network; ConfigError as in `load_builder`, or if it fails."""
    builder = load_builder(name)
    try:
        return builder(dropout)
    except Exception as error:
        (point,) = (point for point in package_networks() if point.name == name)
        raise _broken(name, package_of(point), f"{type(error).__name__}: {error}") from error


def _broken(name: str, package: str, why: str) -> ConfigError:
    message = f"network: {name!r} of {package} cannot be built ({why}); correct or remove it"
    return ConfigError(message)
