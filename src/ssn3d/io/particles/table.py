"""Particles of one or more tomograms, with scores."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ssn3d.core.particles import Particles, joined


@dataclass(frozen=True)
class ParticleTable:
    """Particles with their tomograms and scores, in the order of their file."""

    tomograms: NDArray[np.str_]
    """(n,) names; "" if the file has none."""
    particles: Particles
    """Classes ("" if the file has none), centres in voxels, rotations (identities if the file has
    none)."""
    scores: NDArray[np.float64]
    """(n,) the higher, the better; NaN if the file has none."""
    oriented: bool
    """True if the rotations are known."""
    class_numbers: NDArray[np.int_] | None = None
    """(n,) from 1; None if the particles are not classified."""
    selected_rows: NDArray[np.int_] | None = None
    """(n,) rows of the particles in their file, from 0; None for all."""
    sizes: NDArray[np.float64] | None = None
    """(n, 2) diameter in angstrom of the sphere of equal volume, and mass in kDa of protein that
    fills it; None if unknown. They are written, not read."""

    def __len__(self) -> int:
        return len(self.tomograms)

    @property
    def file_rows(self) -> NDArray[np.int_]:
        """Rows (n,) of the particles in their file, from 0."""
        return np.arange(len(self)) if self.selected_rows is None else self.selected_rows

    def __getitem__(self, rows: NDArray[np.int_] | NDArray[np.bool_] | slice) -> "ParticleTable":
        classes = None if self.class_numbers is None else self.class_numbers[rows]
        sizes = None if self.sizes is None else self.sizes[rows]
        return ParticleTable(
            self.tomograms[rows],
            self.particles[rows],
            self.scores[rows],
            self.oriented,
            classes,
            self.file_rows[rows],
            sizes,
        )

    @classmethod
    def of_picks(
        cls,
        tomograms: str | NDArray[np.str_],
        centres: NDArray[np.float64],
        scores: NDArray[np.float64],
        classes: str | NDArray[np.str_] = "",
        sizes: NDArray[np.float64] | None = None,
    ) -> "ParticleTable":
        """Return a table of positions (n, 3) in one or n tomograms, without orientations."""
        count = len(centres)
        rotations = np.broadcast_to(np.eye(3), (count, 3, 3))
        particles = Particles(np.full(count, classes), centres, rotations)
        return cls(np.full(count, tomograms), particles, scores, oriented=False, sizes=sizes)

    @classmethod
    def joined(cls, tables: Sequence["ParticleTable"]) -> "ParticleTable":
        """Concatenate tables, without class numbers and sizes."""
        return cls(
            np.concatenate([table.tomograms for table in tables]),
            joined([table.particles for table in tables]),
            np.concatenate([table.scores for table in tables]),
            all(table.oriented for table in tables),
            selected_rows=np.concatenate([table.file_rows for table in tables]),
        )
