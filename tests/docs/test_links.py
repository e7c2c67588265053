"""Files name pages of the documentation that exist, and the site lists every page."""

import re
import subprocess

import pytest
import yaml

from small_workflow import REPOSITORY

DOCS = REPOSITORY / "docs"
PAGE = re.compile(r"\bdocs/[\w/.-]+\.(?:md|csv|png)\b")
GENERATED = re.compile(r"reference/(cli|configuration|api/\w+)\.md|changelog\.md|contributing\.md")


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, whose values may come from the environment."""


Loader.add_constructor("!ENV", lambda loader, node: loader.construct_sequence(node))


def pages(nav):
    """Paths of all pages in a navigation."""
    for entry in nav:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        yield from [value] if isinstance(value, str) else pages(value)


def tracked_files():
    done = subprocess.run(
        ["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip("not a git checkout")
    return [REPOSITORY / line for line in done.stdout.splitlines()]


def test_named_pages_exist():
    missing = {
        f"{path.relative_to(REPOSITORY)}: {page}"
        for path in tracked_files()
        if path.suffix in {".md", ".py", ".yaml", ".yml", ".smk", ".sh", ".toml", ".cff", ""}
        for page in PAGE.findall(path.read_text(errors="ignore") if path.is_file() else "")
        if not (REPOSITORY / page).exists()
    }
    assert not missing


def test_navigation_lists_every_page():
    site = yaml.load((REPOSITORY / "mkdocs.yml").read_text(), Loader)  # noqa: S506 -- a safe loader
    listed = set(pages(site["nav"]))
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert written <= listed
    assert all(GENERATED.fullmatch(page) for page in listed - written)


@pytest.mark.parametrize("path", sorted(DOCS.rglob("*.md")), ids=lambda path: path.name)
def test_relative_links(path):
    text = re.sub(r"```.*?```", "", path.read_text(), flags=re.DOTALL)
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        file = (path.parent / target).resolve()
        generated = GENERATED.fullmatch(file.relative_to(DOCS).as_posix())
        assert file.exists() or generated, f"{path.name}: {target}"
