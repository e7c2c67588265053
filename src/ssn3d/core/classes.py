"""Classes of a tomogram's voxels, and the class of each kind of background object."""

CLASSES = ("background", "macromolecule", "membrane", "filament", "other")
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
