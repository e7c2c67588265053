"""YAML files of settings, in which no key may be repeated."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from ssn3d.core.errors import ConfigError
from ssn3d.io.files import PathLike, cannot_be_read

_MERGE = "<<"  # may be repeated


def read_yaml(path: PathLike) -> dict[str, Any]:
    """Read a YAML file of settings.

    Raises ConfigError if the file is missing, is not YAML or not a mapping, or repeats a key.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
        content = yaml.safe_load(text)
        twice = next(_repeated_keys(yaml.compose(text, yaml.SafeLoader)), None)
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        message = cannot_be_read(path, "readable YAML file", error, "correct it")
        raise ConfigError(message) from error
    if twice is not None:
        line = twice.start_mark.line + 1
        raise ConfigError(f"{path}: line {line}: key '{twice.value}' stands twice; keep one")
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: not a mapping of keys to values")
    return content


def _repeated_keys(node: yaml.Node | None) -> Iterator[yaml.ScalarNode]:
    """Yield repeated keys of mappings, of which PyYAML would take the last."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated_keys(item)
    elif isinstance(node, yaml.MappingNode):
        seen = {_MERGE}
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen and key.value != _MERGE:
                    yield key
                seen.add(key.value)
            yield from _repeated_keys(value)
