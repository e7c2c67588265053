"""Subtomograms as tensors, read from disk when they are needed.

Any order is read directly, since every subtomogram is a chunk of its own (`subtomograms.store`): a
shuffle is a shuffle of all subtomograms, whichever shard they are in, and memory does not grow with
their number. On a CPU reading takes a hundredth of the time of the computation, and happens in
between (`benchmarks/scale.py`). A GPU is fast enough to wait for it: what fits in a quarter of its
free memory is held there, and the rest is read ahead by worker processes.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ssn3d.provenance import hardware
from ssn3d.segmentation.compute import Compute
from ssn3d.subtomograms.samples import Samples

_WORKERS = 4
"""Processes that read for a GPU, if there are as many cores."""
_AHEAD = 4
"""Batches that each of them has ready."""
_READ_AT_ONCE = 64

Rows = NDArray[np.int64]
Batch = tuple[Tensor, Tensor]
"""Images and masks (m, s, s, s)."""


class Source:
    """Batches of some subtomograms, read from disk or held on the GPU."""

    def __init__(self, samples: Samples, compute: Compute) -> None:
        """Prepare to read all `samples`, for a computation by `compute`."""
        self._samples, self._compute = samples, compute
        self._held: Batch | None = None

    def hold(self, rows: Rows) -> None:
        """Bring the subtomograms at `rows` to the GPU, if there is one and they fit."""
        bytes_each = 3 * self._samples.size_voxels**3  # float16 and uint8
        if not self._compute.has_room(len(self._samples) * bytes_each):
            return
        size = (len(self._samples), *(self._samples.size_voxels,) * 3)
        device = self._compute.device
        images = torch.zeros(size, dtype=torch.float16, device=device)
        masks = torch.zeros(size, dtype=torch.uint8, device=device)
        parts = torch.split(torch.from_numpy(rows), _READ_AT_ONCE)
        for part, (some, truth) in zip(
            parts, self.batches([p.numpy() for p in parts]), strict=True
        ):
            images[part.to(device)], masks[part.to(device)] = some.to(device), truth.to(device)
        self._held = images, masks

    def batches(self, groups: Sequence[Rows]) -> Iterator[Batch]:
        """Yield the images and masks of each group of rows, in order."""
        if self._held is not None:
            for rows in groups:
                there = torch.from_numpy(rows).to(self._compute.device)
                yield self._held[0][there], self._held[1][there]
            return
        on_gpu = self._compute.device.type == "cuda"
        yield from DataLoader(
            _Reader(self._samples),
            batch_sampler=groups,  # type: ignore[arg-type] # arrays serve as lists
            collate_fn=_as_they_are,  # type: ignore[arg-type]
            num_workers=min(_WORKERS, hardware()["cores"]) if on_gpu else 0,
            prefetch_factor=_AHEAD if on_gpu else None,
            pin_memory=on_gpu,
            generator=torch.Generator(),  # of its own: the global one draws the dropout
        )


class _Reader(Dataset[Any]):
    """What a `DataLoader` reads from: a group of rows at once."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __getitems__(self, rows: Rows) -> Batch:
        images, masks = self._samples.read(np.asarray(rows))
        return torch.from_numpy(images), torch.from_numpy(masks)


def _as_they_are(batch: Batch) -> Batch:
    """Collate nothing: a group is read as a batch."""
    return batch
