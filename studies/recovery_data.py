"""What the study of recovery reads: a simulated tomogram with its truth, and networks."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np
from numpy.typing import NDArray
from torch import nn

from ssn3d.core.cubes import lies_inside, nearest_voxels
from ssn3d.core.particles import Particles
from ssn3d.io.particles.simulated import read_particles
from ssn3d.io.tomogram import Tomogram, open_tomogram
from ssn3d.picking.pick import Choice, Picks, pick_blobs
from ssn3d.picking.scoring import Matches, match
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.segmentation.inference.predict import load_network
from ssn3d.segmentation.inference.tiles import predict_cubes

NEAR_ANGSTROM = 60.0
"""A pick counts within it."""
DIAMETER_ANGSTROM = 172.0
"""Of all structures, about; what difference of Gaussians is told."""
CUBE_VOXELS = 40
ANYTHING = Choice()


@dataclass(frozen=True)
class Simulated:
    """A simulated tomogram at one SNR, of a folder of results."""

    results: Path
    name: str
    dataset: str

    @cached_property
    def tomogram(self) -> Tomogram:
        """The tomogram, opened as one's own."""
        return open_tomogram(self._folder / f"{self.dataset}.mrc", protein="dark")

    @property
    def _folder(self) -> Path:
        return self.results / "tomograms" / self.name

    @cached_property
    def snr(self) -> float:
        """The SNR asked for."""
        noise = json.loads((self._folder / f"{self.dataset}.json").read_text(encoding="utf-8"))
        return float(noise["snr_asked"])

    @property
    def voxel_size_angstrom(self) -> float:
        """Of the tomogram."""
        return self.tomogram.grid.voxel_size_angstrom

    @cached_property
    def voxels(self) -> NDArray[np.float32]:
        """The tomogram (z, y, x), mapped."""
        return mrcfile.mmap(self._folder / f"{self.dataset}.mrc").data

    @cached_property
    def labels(self) -> NDArray[Any]:
        """Label i + 1 is the particle of row i; (z, y, x), mapped."""
        return mrcfile.mmap(self._folder / "labels.mrc").data

    @cached_property
    def particles(self) -> Particles:
        """All particles, those with their centres outside included."""
        return read_particles(self._folder / "particles.star")

    def mass_kda(self, pdb_id: str) -> float:
        """Mass of a structure."""
        facts = (self.results / "structures" / f"{pdb_id}.json").read_text(encoding="utf-8")
        return float(json.loads(facts)["mass_dalton"]) / 1000

    @cached_property
    def inside(self) -> NDArray[np.int_]:
        """Rows of the particles with their centres inside."""
        return np.flatnonzero(lies_inside(self.particles.centres, 1, self.tomogram.grid.shape))

    @cached_property
    def _blobs(self) -> Picks:
        return pick_blobs(
            self.tomogram.read,
            self.tomogram.grid.shape,
            self.voxel_size_angstrom,
            DIAMETER_ANGSTROM,
            ANYTHING,
        )

    def picks(self) -> NDArray[np.float64]:
        """Centres (n, 3) in voxels by difference of Gaussians."""
        return self._blobs.centres

    def matched_picks(self) -> Matches:
        """Pairs of a pick and a true particle, both as rows of all."""
        return self.match(self.picks())

    def match(self, centres: NDArray[np.float64]) -> Matches:
        """Pair centres (n, 3) with the true particles inside, as rows of all."""
        voxel = self.voxel_size_angstrom
        truth = self.particles.centres[self.inside] * voxel
        found = match(centres * voxel, truth, NEAR_ANGSTROM)
        return Matches(found.picks, self.inside[found.truth], found.distances)


@dataclass(frozen=True)
class Network:
    """A trained network."""

    name: str
    network: nn.Module
    compute: Compute

    @classmethod
    def load(cls, name: str, weights: Path) -> "Network":
        """Load its weights."""
        compute = Compute.pick("auto", "auto")
        return cls(name, compute.place(load_network(weights)[0]), compute)

    def target(
        self, tomogram: Simulated, centre: NDArray[np.float64], size: int = CUBE_VOXELS
    ) -> NDArray[np.bool_]:
        """Mask (size, size, size) of the particle at a centre; size is at most the cube's."""
        corner = nearest_voxels(centre) - CUBE_VOXELS // 2
        cube = tomogram.tomogram.box(tuple(corner.tolist()), (CUBE_VOXELS,) * 3)
        mask = next(predict_cubes(self.network, [cube], self.compute))[0] >= 0.5
        low = CUBE_VOXELS // 2 - size // 2
        return np.asarray(mask[(slice(low, low + size),) * 3])
