"""Refuse a release whose tag is not the version of the package and of CITATION.cff.

python packaging/check_version.py v0.1.0
"""

import re
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
STATED = {
    "src/ssn3d/__init__.py": r'^__version__ = "(.+)"$',
    "CITATION.cff": r"^version: (.+)$",
    "packaging/conda/recipe.yaml": r'^  version: "(.+)"$',
}


def versions() -> dict[str, str]:
    """Read the version that each file states."""
    found = {}
    for file, pattern in STATED.items():
        match = re.search(pattern, (REPOSITORY / file).read_text(encoding="utf-8"), re.MULTILINE)
        found[file] = match[1] if match else "none"
    return found


if __name__ == "__main__":
    tag = sys.argv[1]
    wrong = [f"{file}: {stated}" for file, stated in versions().items() if f"v{stated}" != tag]
    if wrong:
        sys.exit("\n".join(f"{line}, the tag is {tag}" for line in wrong))
