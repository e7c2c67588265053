"""Pages that MkDocs makes of the code: command line, configuration, functions, and root files.

`mkdocs.yml` names this file as a hook. The command line comes from the argument parsers, the
configuration from the models that check it and the values in config.yaml, functions from docstrings
(mkdocstrings). Nothing here is written by hand, so nothing here can be out of date.
"""

import argparse
import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

import ssn3d
from ssn3d.cli.main import _parser
from ssn3d.config.experiment import Config

REPOSITORY = Path(__file__).resolve().parents[1]
NOT_DOCUMENTED = {"cli", "doctor", "experiment", "models.export_model"}
"""Packages and modules behind the command line and the workflow, without functions for others."""
_SKIP = {"help", "version"}
LONGEST_VALUE = 40


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site."""
    pages = {"reference/cli.md": cli_page(), "reference/configuration.md": configuration_page()}
    pages |= {f"reference/api/{name}.md": text for name, text in api_pages().items()}
    pages |= {f"{name.lower()}.md": root_page(name) for name in ("CHANGELOG", "CONTRIBUTING")}
    for path, text in pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def root_page(name: str) -> str:
    """Read a page in the root of the repository; its links become those of a page in docs."""
    return (REPOSITORY / f"{name}.md").read_text(encoding="utf-8").replace("](docs/", "](")


# The command line.


def cli_page() -> str:
    """Describe each command with its usage and options."""
    parser = _parser()
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))  # noqa: SLF001 -- argparse has no public list
    lines = ["# Command line", "", f"{parser.description}", ""]
    lines += [
        "`ssn3d --version` prints the version; `ssn3d COMMAND --help` prints what is below.",
        "",
    ]
    for name, command in commands.choices.items():
        lines += _command(name, command)
    return "\n".join(lines)


def _command(name: str, command: argparse.ArgumentParser) -> Iterator[str]:
    command.prog = f"ssn3d {name}"
    description = (command.description or "").strip()
    yield from (f"## ssn3d {name}", "", f"{description[:1].upper()}{description[1:]}.", "")
    example = (command.epilog or "").removeprefix("example:\n")
    yield from ("```sh", *(line.removeprefix("  ") for line in example.splitlines()), "```", "")
    for group in command._action_groups:  # noqa: SLF001 -- argparse has no public list
        shown = [a for a in group._group_actions if a.dest not in _SKIP]  # noqa: SLF001
        if shown:
            yield from (f"| {group.title} | meaning |", "|---|---|")
            yield from (f"| {_option(a)} | {_cell(_help(a))} |" for a in shown)
            yield ""


def _option(action: argparse.Action) -> str:
    """Name of an option with its value, or of an argument."""
    value = action.metavar or action.dest.upper()
    if action.choices is not None:
        value = "{" + ",".join(map(str, action.choices)) + "}"
    if not action.option_strings:
        return f"`{action.dest if action.metavar is None else action.metavar}`"
    name = action.option_strings[-1]
    count = {None: 1, "+": 1}.get(action.nargs, action.nargs)
    values = [str(value)] * int(count if count is not None else 1)
    text = " ".join([name, *values]) + (" ..." if action.nargs == "+" else "")
    return f"`{text}`" + (" (required)" if action.required else "")


def _help(action: argparse.Action) -> str:
    return (action.help or "").replace("%%", "%")


# The configuration.


def configuration_page() -> str:
    """Describe each key: its type, range and meaning, and its value in config.yaml."""
    text = (REPOSITORY / "config.yaml").read_text(encoding="utf-8")
    realistic = (REPOSITORY / "config" / "realistic.yaml").read_text(encoding="utf-8")
    schema = Config.model_json_schema()
    values = _values(yaml.safe_load(text))
    examples = _values(yaml.safe_load(realistic))
    lines = ["# Configuration", ""]
    lines += [
        "Every key of a configuration, with its value in `config.yaml`, the paper's experiment. A",
        "key that is off there (null) has its value of `config/realistic.yaml` in parentheses.",
        "Write only what differs into a file, and pass it with `--configfile`. Unknown keys are",
        "errors.",
        "",
    ]
    comments = _comments(text)
    sections: dict[str, list[str]] = {"General": []}
    for key, kind, described in _keys(schema, schema, ""):
        meaning = described or comments.get(key, "")
        section = key.partition(".")[0] if "." in key else "General"
        value = _value(values.get(key)) if key in values else ""
        if key not in values and key in examples:
            value = f"({_value(examples[key])})"
        row = f"| `{key}` | {value} | {_cell(kind)} | {_cell(meaning)} |"
        sections.setdefault(section, []).append(row)
    for section, rows in sections.items():
        title = section if section == "General" else f"`{section}`"
        lines += [
            f"## {title}",
            "",
            "| key | value | type | meaning |",
            "|---|---|---|---|",
            *rows,
            "",
        ]
    lines += ["## The file config.yaml", "", "```yaml", text.rstrip(), "```", ""]
    return "\n".join(lines)


def _keys(
    node: dict[str, Any], schema: dict[str, Any], prefix: str
) -> Iterator[tuple[str, str, str]]:
    """Key, type and meaning of each leaf of a model's schema."""
    for name, entry in node["properties"].items():
        key = f"{prefix}{name}"
        target, is_list = _section(entry, schema)
        described = entry.get("description") or ""
        if target is None:
            yield key, _kind(entry, schema), described
            continue
        text = described or target.get("description", "").partition("\n\n")[0]
        if is_list or "anyOf" in entry:
            yield key, ("list of sections" if is_list else _kind(entry, schema)), text
        yield from _keys(target, schema, f"{key}{'[]' if is_list else ''}.")


def _section(entry: dict[str, Any], schema: dict[str, Any]) -> tuple[dict[str, Any] | None, bool]:
    """Find the model that an entry is, may be, or is a list of; and whether it is a list."""
    if "$ref" in entry:
        target = schema["$defs"][entry["$ref"].rpartition("/")[2]]
        return (target, False) if "properties" in target else (None, False)
    for choice in entry.get("anyOf", []):
        found, is_list = _section(choice, schema)
        if found is not None:
            return found, is_list
    if entry.get("type") == "array":
        return _section(entry.get("items", {}), schema)[0], True
    return None, False


def _kind(entry: dict[str, Any], schema: dict[str, Any]) -> str:
    """Type and range in words."""
    if "$ref" in entry:
        target = schema["$defs"][entry["$ref"].rpartition("/")[2]]
        return "section" if "properties" in target else _kind(target, schema)
    if "anyOf" in entry:
        kinds = [_kind(choice, schema) for choice in entry["anyOf"]]
        return " or ".join(dict.fromkeys(kinds))
    if "enum" in entry or "const" in entry:
        return ", ".join(f"`{value}`" for value in entry.get("enum", [entry.get("const")]))
    if entry.get("type") == "array":
        items = _kind(entry.get("items", {}), schema)
        pair = entry.get("maxItems") == entry.get("minItems") == 2  # noqa: PLR2004 -- [low, high]
        return "a range [low, high]" if pair else f"list: {items}"
    names = {"integer": "whole number", "boolean": "true or false", "string": "text"}
    kind = names.get(entry.get("type", ""), entry.get("type", "any"))
    bounds = {"minimum": "at least", "exclusiveMinimum": "above", "maximum": "at most"}
    bounds["exclusiveMaximum"] = "below"
    limits = [f"{word} {entry[key]:g}" for key, word in bounds.items() if key in entry]
    return " ".join([kind, ", ".join(limits)]).strip()


def _values(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Values of a configuration by dotted key; those of sections, too."""
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= _values(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _comments(text: str) -> dict[str, str]:
    """Comments beside the keys of a YAML file, by dotted key."""
    found: dict[str, str] = {}
    above: list[tuple[int, str]] = []
    for line in text.splitlines():
        if match := re.match(r"( *)([a-z]\w*):[^#]*(?:# *(?:\(\*\) *)?(.*))?$", line):
            indent = len(match[1])
            above = [(depth, key) for depth, key in above if depth < indent]
            above.append((indent, match[2]))
            found[".".join(key for _, key in above)] = match[3] or ""
    return found


def _value(value: Any) -> str:
    """Value in a cell; long lists are in the file, which the page ends with."""
    text = yaml.safe_dump(value, default_flow_style=True, width=1000)
    text = text.removesuffix("...\n").strip()
    return f"`{text}`" if len(text) <= LONGEST_VALUE else "see below"


def _cell(text: str) -> str:
    """Text in a cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


# The functions.


def api_pages() -> dict[str, str]:
    """One page for each stage and shared package, with its modules."""
    pages: dict[str, list[str]] = {}
    for name in _modules():
        stage, _, rest = name.partition(".")
        if stage in NOT_DOCUMENTED or name in NOT_DOCUMENTED:
            continue
        if not rest:
            pages[stage] = [f"# ssn3d.{stage}", "", f"::: ssn3d.{name}", "    options:"]
            pages[stage] += ["      show_root_heading: false", "      members: false", ""]
        else:
            pages[stage] += [f"::: ssn3d.{name}", ""]
    return {stage: "\n".join(lines) for stage, lines in pages.items()}


def _modules() -> list[str]:
    """Names of all public modules below ssn3d, packages before what is in them."""
    found = pkgutil.walk_packages(ssn3d.__path__, "ssn3d.")
    names = sorted(module.name.removeprefix("ssn3d.") for module in found)
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]
