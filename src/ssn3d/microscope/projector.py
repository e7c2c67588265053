"""Projection and back-projection in single-axis tilt geometry, by sparse matrices.

The tilt axis is y, so all (z, x) slices of a volume have the same geometry: one matrix projects
them all, and its transpose back-projects. Relative to the centre n // 2 of each axis, a voxel
(z, x) projects to t = x cos a + z sin a at tilt a. The ray of pixel u is sampled by linear
interpolation where it crosses each row of voxels (each column, if it is flatter than 45 degrees),
and weighted by its length between two rows (Joseph 1982, IEEE Trans. Med. Imaging 1, 192): a voxel
has the weight (1 - |t - u| / m) / m, where m is the larger of |cos a| and |sin a|, or 0 beyond m.

The matrix is made band by band, some rows of voxels (z) at a time, and applied to slabs, some
slices (y) at a time, so that shared data stay in the cache. Each thread has its own bands or slabs:
sums have the same order whatever the number of threads.
"""

import warnings
from collections.abc import Sequence

import numpy as np
import scipy.sparse
import torch
from numpy.typing import NDArray

from ssn3d.core.parallel import parallel_map

_SLAB_SLICES = {"cpu": 32, "cuda": 256}
_COLUMNS = 16
"""Voxels (x) whose weights are computed together: these arrays stay in the cache, too."""
_BAND_ROWS = 16
"""On a CPU with 0.5 MB of L2 cache a core, and 32 slices at once, products of bands of 8 or 16 rows
take a quarter of the processor time of the whole matrix (projection), or 0.7 (back-projection). The
matrices are made by the CPU, also for a GPU: 64 rows at a time take twice as long as 16, and keep
fewer threads busy."""


def _parts(length: int, step: int) -> list[slice]:
    """Parts of an axis, of a step each and the last one of what is left."""
    return [slice(start, min(start + step, length)) for start in range(0, length, step)]


def backprojection_matrix(
    rows: NDArray[np.int_], size_x: int, angles_deg: Sequence[float] | NDArray[np.float64]
) -> scipy.sparse.csr_array:
    """Matrix (size_x * rows, tilts * size_x), float32, from pixels to a band of voxels (x, z).

    Its transpose projects. `rows` (rows,) are the z of the band's rows of voxels, relative to the
    centre; rows of voxels and of the detector have `size_x`; the angles are (tilts,).
    """
    angles = np.deg2rad(np.asarray(angles_deg, dtype=np.float64))
    columns = np.arange(size_x) - size_x // 2
    some = np.split(columns, range(_COLUMNS, size_x, _COLUMNS))
    parts = [_weights_of_columns(part, rows, size_x, angles) for part in some]
    weights, pixels, counts = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    shape = (len(counts), len(angles) * size_x)
    return scipy.sparse.csr_array((weights, pixels, starts), shape=shape)


def _weights_of_columns(
    columns: NDArray[np.int_],
    rows: NDArray[np.int_],
    size_x: int,
    angles: NDArray[np.float64],
) -> tuple[NDArray[np.float32], NDArray[np.int32], NDArray[np.int_]]:
    """Weights, their pixels, and the number of each voxel's, in order of voxels (x, z)."""
    of_tilts = np.repeat([np.cos(angles), np.sin(angles)], 2, axis=1)  # two rays of each tilt,
    second = np.tile([0.0, 1.0], len(angles))  # as a third is out of reach
    cosines, sines = of_tilts
    reach = np.abs(of_tilts).max(axis=0)
    across = np.multiply.outer(columns, cosines)  # (x, ray)
    place = across[:, None] + np.multiply.outer(rows, sines) + size_x // 2  # (x, row, ray)
    rays = np.ceil(place - reach) + second
    weights = (1 - np.abs(rays - place) / reach) / reach
    seen = (weights > 0) & (rays >= 0) & (rays < size_x)
    pixels = rays + np.repeat(size_x * np.arange(len(angles)), 2)
    counts = np.count_nonzero(seen, axis=2).ravel()
    return weights[seen].astype(np.float32), pixels[seen].astype(np.int32), counts


def _to_torch(matrix: scipy.sparse.csr_array, device: torch.device) -> torch.Tensor:
    """Copy a matrix to a device as a torch CSR tensor."""
    with warnings.catch_warnings():  # torch says once that its CSR tensors are in beta, unchecked
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        warnings.filterwarnings("ignore", message="Sparse invariant checks are implicitly disabled")
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int32, copy=False)).to(device),
            torch.from_numpy(matrix.indices.astype(np.int32, copy=False)).to(device),
            torch.from_numpy(matrix.data).to(device),
            size=matrix.shape,
            check_invariants=False,
        )


class Projector:
    """Projects volumes (z, y, x) to tilts (tilt, y, x) and back, slab by slab along y."""

    def __init__(
        self,
        size_z: int,
        size_x: int,
        angles_deg: Sequence[float] | NDArray[np.float64],
        device: torch.device | str = "cpu",
    ) -> None:
        """Set the geometry of slices (size_z, size_x); the detector is size_x pixels wide."""
        self.size_z, self.size_x, self.tilts = size_z, size_x, len(angles_deg)
        self.device = torch.device(device)
        self._angles_deg = angles_deg

    def project(self, volume: NDArray[np.float32]) -> NDArray[np.float32]:
        """Line integrals, in voxels times the volume's unit: (z, y, x) -> (tilt, y, x)."""
        size_y = self._check(volume, self.size_z)
        bands, width = self._bands(), self.tilts * self.size_x
        projections = parallel_map(
            lambda band: _to_torch(self._matrix(band).T.tocsr(), self.device), bands
        )
        tilts = np.empty((self.tilts, size_y, self.size_x), dtype=np.float32)

        def project_slab(slab: slice) -> None:
            slices = slab.stop - slab.start
            total = torch.zeros((width, slices), device=self.device)
            for band, projection in zip(bands, projections, strict=True):
                voxels = torch.from_numpy(volume[band, slab]).to(self.device).permute(2, 0, 1)
                torch.addmm(total, projection, voxels.reshape(-1, slices), out=total)
            images = total.reshape(self.tilts, self.size_x, slices).permute(0, 2, 1)
            tilts[:, slab] = images.cpu().numpy()

        parallel_map(project_slab, self._slabs(size_y))
        return tilts

    def backproject(self, tilts: NDArray[np.float32]) -> NDArray[np.float32]:
        """Apply the transpose of `project`: (tilt, y, x) -> (z, y, x)."""
        size_y = self._check(tilts, self.tilts)
        slabs = self._slabs(size_y)
        parts = [torch.from_numpy(tilts[:, slab]).to(self.device) for slab in slabs]
        pixels = parallel_map(lambda p: p.permute(0, 2, 1).reshape(-1, p.shape[1]), parts)
        volume = np.empty((self.size_z, size_y, self.size_x), dtype=np.float32)

        def backproject_band(band: slice) -> None:
            matrix = _to_torch(self._matrix(band), self.device)
            for slab, part in zip(slabs, pixels, strict=True):
                voxels = (matrix @ part).reshape(self.size_x, -1, part.shape[1])
                volume[band, slab] = voxels.permute(1, 2, 0).cpu().numpy()

        parallel_map(backproject_band, self._bands())
        return volume

    def _check(self, source: NDArray[np.float32], size: int) -> int:
        """Return the number of slices of an array. Raises ValueError if its shape does not fit."""
        if (source.shape[0], source.shape[2]) != (size, self.size_x):
            raise ValueError(f"{source.shape} does not fit slices of {(size, self.size_x)}")
        return int(source.shape[1])

    def _slabs(self, size_y: int) -> list[slice]:
        """Slices of the volume that are processed together."""
        return _parts(size_y, _SLAB_SLICES[self.device.type])

    def _bands(self) -> list[slice]:
        """Rows of voxels (z) that share a matrix."""
        return _parts(self.size_z, _BAND_ROWS)

    def _matrix(self, band: slice) -> scipy.sparse.csr_array:
        """Matrix that back-projects to a band."""
        rows = np.arange(band.start, band.stop) - self.size_z // 2
        return backprojection_matrix(rows, self.size_x, self._angles_deg)
