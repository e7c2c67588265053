"""Faults of a configuration in one line: the key, its value and the valid values."""

import difflib
import functools
import re
from typing import Any

from pydantic import BaseModel, ValidationError

Place = tuple[str | int, ...]
_UNKNOWN_KEY = ("extra_forbidden", "invalid_key")


def one_line(error: ValidationError, model: type[BaseModel]) -> str:
    """Describe the first fault of a configuration, unknown keys before others."""
    schema = _schema_of(model)
    faults = [(_place(schema, fault["loc"]), fault) for fault in error.errors(include_url=False)]
    place, fault = next((f for f in faults if f[1]["type"] in _UNKNOWN_KEY), faults[0])
    if fault["type"] in _UNKNOWN_KEY:
        *section, key = fault["loc"]
        return _unknown_key(schema, _place(schema, tuple(section)), key)
    # Each alternative type of a key is a fault; the innermost one is the most specific.
    place = max((other for other, _ in faults if other[: len(place)] == place), key=len)
    alternatives = [fault for other, fault in faults if other == place]
    raised = next((f for f in alternatives if f["type"] == "value_error"), alternatives[0])
    value, kind = raised["input"], raised["type"]
    if kind == "missing":
        return f"{_dotted(place[:-1])}: '{place[-1]}' is missing{_described(schema, place)}"
    if kind == "value_error":  # raised by a section, which names the key, or for one value
        glue = "." if place and isinstance(value, dict) else ": " if place else ""
        return f"{'.'.join(map(str, place))}{glue}{raised['ctx']['error']}"
    if kind == "string_pattern_mismatch":
        wanted = f"is not a valid {_meaning(schema, place)}"
    else:
        wanted = " or ".join(_wanted(fault["msg"]) for fault in alternatives)
        wanted = f"must {wanted.replace(' or be ', ' or ')}{_described(schema, place)}"
    return f"{_dotted(place)}: {value!r} {wanted}"


@functools.cache
def _schema_of(model: type[BaseModel]) -> dict[str, Any]:
    return model.model_json_schema()


def _unknown_key(schema: dict[str, Any], section: Place, key: str | int) -> str:
    """Name an unknown key, and the known one that it resembles."""
    known = [*_node(schema, section)["properties"]]
    near = difflib.get_close_matches(str(key), known, n=1, cutoff=0.5)
    hint = f"did you mean '{near[0]}'?" if near else f"known are {', '.join(known)}"
    return f"{_dotted(section)}: unknown key '{key}'; {hint}"


def _dotted(place: Place) -> str:
    return ".".join(map(str, place)) or "top level"


def _wanted(message: str) -> str:
    """Extract the requirement from pydantic's message: `be a valid integer`."""
    wanted = message.rpartition(" should ")[2].partition(" after validation")[0]
    return re.sub("a valid dictionary.*", "a mapping of keys to values", wanted)


def _described(schema: dict[str, Any], place: Place) -> str:
    meaning = _meaning(schema, place)
    return f" ({meaning})" if meaning else ""


def _meaning(schema: dict[str, Any], place: Place) -> str:
    """First sentence of a key's description, as part of another sentence."""
    *section, key = place
    inside = _node(schema, tuple(section))
    meaning = inside["properties"][key] if isinstance(key, str) else inside["items"]
    text = str(meaning.get("description", "")).partition(". ")[0].rstrip(".")
    return text[:1].lower() + text[1:] if not text[1:2].isupper() else text


def _place(schema: dict[str, Any], loc: Place) -> Place:
    """Remove pydantic's names of alternatives, which are no keys, from the place of a fault."""
    place: Place = ()
    for part in loc:
        node = _node(schema, place)
        if part in node.get("properties", {}) or (isinstance(part, int) and "items" in node):
            place = (*place, part)
    return place


def _node(schema: dict[str, Any], place: Place) -> dict[str, Any]:
    """Return the schema of a place, references resolved, with the keys of all alternatives."""
    node = schema
    for part in (None, *place):
        if part is not None:
            node = node["properties"][part] if isinstance(part, str) else node["items"]
        node = _followed(schema, node)
        for alternative in node.get("anyOf", []):
            node = {**_followed(schema, alternative), **node}
    return node


def _followed(schema: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, if a node is one."""
    followed: dict[str, Any] = (
        schema["$defs"][node["$ref"].rpartition("/")[2]] if "$ref" in node else node
    )
    return followed
