"""Subtomograms as tensors: from rows of a dataset to batches of images and masks.

Every subtomogram is a chunk of its shard and is read when needed, in any order, so that memory does
not grow with their number. On a CPU reading takes a hundredth of the computing time
(`benchmarks/scale.py`). For a GPU, subtomograms are held in a quarter of its free memory if they
fit, and else read ahead by worker processes into pinned memory.
"""

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, default_convert

from ssn3d.core.threads import available_cores
from ssn3d.segmentation.inference.compute import Compute
from ssn3d.subtomograms.samples import Samples, groups_of

_WORKERS = 4
"""Processes that read ahead for a GPU; at most one per core."""
_AHEAD = 4
"""Batches read ahead by each process."""

Rows = NDArray[np.int64]
Batch = tuple[Tensor, Tensor]
"""Images and masks (m, s, s, s)."""


class Source:
    """Batches of some subtomograms, read from disk or held on the GPU."""

    def __init__(self, samples: Samples, compute: Compute) -> None:
        self._samples, self._compute = samples, compute
        self._held: Batch | None = None
        self._places = np.full(len(samples), -1)  # index of each subtomogram in `_held`

    def hold(self, rows: Rows) -> None:
        """Copy the subtomograms at `rows` to the GPU, if there is one and they fit."""
        size, device = self._samples.size_voxels, self._compute.device
        if not self._compute.has_room(len(rows) * 3 * size**3):  # float16 and uint8
            return
        images = torch.empty((len(rows), size, size, size), dtype=torch.float16, device=device)
        masks = torch.empty_like(images, dtype=torch.uint8)
        places = np.arange(len(rows))
        # not by workers, which take long to start; and shared memory may be small
        for some in groups_of(places):
            part = slice(some[0], some[-1] + 1)
            images[part], masks[part] = map(torch.from_numpy, self._samples.read(rows[some]))
        self._held, self._places[rows] = (images, masks), places

    def batches(self, groups: Sequence[Rows]) -> Iterator[Batch]:
        """Yield the images and masks of each group of rows, in order.

        They are on the GPU if all are held there, else on the CPU.
        """
        places = self._places[np.concatenate([np.empty(0, np.int64), *groups])]
        if self._held is None or (places < 0).any():
            yield from self._read(groups)
            return
        images, masks = self._held
        # all indices at once: each copy waits until the GPU has finished all other work
        there = torch.from_numpy(places).to(self._compute.device)
        for some in torch.split(there, [len(rows) for rows in groups]):
            yield images[some], masks[some]

    def _read(self, groups: Sequence[Rows]) -> Iterator[Batch]:
        """Read from disk, ahead of a GPU."""
        on_gpu = self._compute.device.type == "cuda"
        loader = DataLoader(
            _Reader(self._samples),
            batch_sampler=groups,  # type: ignore[arg-type] # arrays serve as lists
            collate_fn=default_convert,
            num_workers=min(_WORKERS, available_cores()) if on_gpu else 0,
            prefetch_factor=_AHEAD if on_gpu else None,
            pin_memory=on_gpu,
            generator=torch.Generator(),  # not the global one, which draws the dropout
        )
        with warnings.catch_warnings():
            # Python 3.12 warns of forks; the workers use neither CUDA nor locks
            warnings.filterwarnings("ignore", ".*multi-threaded, use of fork", DeprecationWarning)
            batches = iter(loader)
        yield from batches


class _Reader(Dataset[Any]):
    """Dataset of a `DataLoader` that reads a group of rows at once."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __getitems__(self, rows: Rows) -> tuple[NDArray[Any], NDArray[np.uint8]]:
        return self._samples.read(np.asarray(rows))
