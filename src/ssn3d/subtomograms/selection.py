"""Random selection of subtomograms among the particles whose cubes lie inside a tomogram."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.core.cubes import lies_inside
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.core.seeds import generator
from ssn3d.subtomograms.settings import SelectionSettings, is_independent


def select(
    particles: Particles,
    shape: tuple[int, ...],
    settings: SelectionSettings,
    seed: int,
    tomogram: str,
) -> NDArray[np.int_]:
    """Select the subtomograms of a tomogram (z, y, x), the same for all datasets.

    With `balanced`, all particles of rare classes are taken, and the others share the rest equally.
    For target `classes`, the rows are numbers of random places (`places`).

    Returns their rows among the particles, ascending. Raises DataError if fewer cubes lie inside
    than requested.
    """
    if settings.target == "classes":
        return np.arange(settings.count)
    size = settings.size_voxels
    inside = np.flatnonzero(lies_inside(particles.centres, size, shape))
    count = len(inside) if settings.count == "all" else settings.count
    if not 0 < count <= len(inside):
        key = "independent_count" if is_independent(tomogram) else "count"
        remedy = "more particles (specimen.particles) or a larger tomogram"
        if inside.size:
            remedy = f"fewer (or all), or for {remedy}"
        raise DataError(
            f"subtomograms.{key}: {settings.count} requested, {len(inside)} cubes of {size} voxels "
            f"lie inside tomogram {tomogram}; ask for {remedy}"
        )
    order = generator(seed, "subtomograms", tomogram).permutation(inside)
    if settings.balanced:
        classes = pd.Series(particles.pdb_ids[order])
        order = order[np.argsort(classes.groupby(classes).cumcount(), kind="stable")]
    return np.sort(order[:count])
