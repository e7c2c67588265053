"""Classes of a tomogram's voxels, and the class of each kind of background object."""

from collections.abc import Sequence
from typing import Literal, get_args

ClassName = Literal["background", "macromolecule", "membrane", "filament", "other"]
CLASSES: tuple[str, ...] = get_args(ClassName)
"""Names by number; `other` is gold, dirt and carbon."""
BACKGROUND, MACROMOLECULE, MEMBRANE, FILAMENT, OTHER = range(len(CLASSES))

_OF_KIND = {
    "fiducial": OTHER,
    "dirt": OTHER,
    "carbon": OTHER,
    "vesicle": MEMBRANE,
    "sheet": MEMBRANE,
    "double membrane": MEMBRANE,
    "membrane protein": MACROMOLECULE,
    "actin": FILAMENT,
    "microtubule": FILAMENT,
}


def class_of_kind(kind: str) -> int:
    """Class of the voxels of a background object of this kind."""
    return _OF_KIND[kind]


_LABELS_TITLE = "ssn3d: " + ", ".join(f"{i} {name}" for i, name in enumerate(CLASSES))


def labels_title(classes: Sequence[str]) -> str:
    """Header text of a volume of labels, which tells a map of all classes from others."""
    return "ssn3d: 1 is structure" if tuple(classes) == CLASSES[:2] else _LABELS_TITLE


def probability_title(name: str) -> str:
    """Header text of the probability of a class."""
    return f"ssn3d: P({'structure' if name == CLASSES[MACROMOLECULE] else name})"


def are_class_labels(header: str) -> bool:
    """True for the header text of a volume whose values are the numbers of `CLASSES`."""
    return _LABELS_TITLE in header


def class_of_probability(header: str) -> str | None:
    """Class whose probability a volume is, by its header text; None if unknown."""
    return next((name for name in CLASSES if f"ssn3d: P({name})" in header), None)
