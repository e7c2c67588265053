"""One average of the picks of several tomograms, from files to files."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.steps import Inputs, average_particles
from ssn3d.core.errors import DataError
from ssn3d.core.particles import Particles
from ssn3d.io.files import PathLike
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.files import read_particle_table, write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.table import ParticleTable
from ssn3d.io.tables import read_csv, write_csv
from ssn3d.recovery.particle_stack import Gathered, Source, gather_particles
from ssn3d.recovery.settings import AverageSettings

_BOX_DIAMETERS = 1.5
_COLUMNS = {"row": int, "half_set": int, "score": float, "shift_angstrom": float}


def average_picks(
    sources: Sequence[Source],
    settings: AverageSettings,
    folder: PathLike,
    *,
    seed: int,
    threads: int,
    truth: PathLike | None = None,
) -> None:
    """Average the picks of all tomograms, of whose tilts only the common range is used.

    Writes average.mrc, half1.mrc, half2.mrc, fsc.csv, particles.star (averaged particles at their
    new poses in their tomograms) and particles.csv (tomogram and row of each pick, half set and
    score) to the folder. `truth` is the true map.

    Raises:
        DataError: voxel sizes differ, no tilts are common, or there are too few or too many picks.
        WriteError: a file cannot be written.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    gathered = gather_particles(sources, _BOX_DIAMETERS * settings.diameter_angstrom)
    options = AverageOptions(
        **settings.model_dump(exclude={"pdb_id", "reference", "masks"}),
        protein="dark",
        masked="none" if settings.masks == "none" else "sphere",
        tilt_range_deg=_common_tilts(sources),
        box_voxels=len(gathered.volume),
        seed=seed,
        threads=threads,
    )
    with tempfile.TemporaryDirectory(dir=folder, prefix=".gathered-") as place:
        files = _write(gathered, Path(place))
        inputs = Inputs(
            particles=files["particles"],
            tomogram=files["tomogram"],
            labels=files["labels"] if settings.masks == "network" else None,
            reference=settings.reference,
            truth=truth,
            offsets=_offsets_apart(gathered),
        )
        average_particles(inputs, folder, options)
    _rewrite_particles(gathered, folder)


def _common_tilts(sources: Sequence[Source]) -> tuple[float, float]:
    """Tilt range in degrees that all tomograms have. Raises DataError if there is none."""
    lows, highs = zip(*(source.sample.tilt_range_deg for source in sources), strict=True)
    if max(lows) >= min(highs):
        raise DataError(
            f"no tilts in common: one tomogram begins at {max(lows):g} degrees, another ends at "
            f"{min(highs):g}; average them separately"
        )
    return max(lows), min(highs)


def _offsets_apart(gathered: Gathered) -> NDArray[np.int_]:
    """Offsets (n, 3) to voxels of all tomograms, stacked far apart along z."""
    numbers = np.unique(gathered.tomograms, return_inverse=True)[1]
    offsets = gathered.offsets.copy()
    offsets[:, 0] += 2 * (np.ptp(offsets[:, 0]) + len(gathered.volume)) * numbers
    return offsets


def _frame(gathered: Gathered) -> TomogramFrame:
    return TomogramFrame.of_volume(gathered.volume.shape, gathered.voxel_size_angstrom)


def _write(gathered: Gathered, folder: Path) -> dict[str, Path]:
    """Write the boxes as a tomogram, with its labels and particles."""
    files = {what: folder / f"{what}.mrc" for what in ("tomogram", "labels")}
    size = gathered.voxel_size_angstrom
    write_mrc(files["tomogram"], gathered.volume, size)
    write_mrc(files["labels"], gathered.labels, size)
    files["particles"] = folder / "particles.star"
    none = np.full(len(gathered.centres), np.nan)
    table = ParticleTable.of_picks("tomogram", gathered.centres, none)
    write_particle_table(files["particles"], table, _frame(gathered), tomogram="tomogram")
    return files


def _rewrite_particles(gathered: Gathered, folder: Path) -> None:
    """Rewrite the averaged particles in the coordinates of their tomograms."""
    star, listed = folder / "particles.star", folder / "particles.csv"
    table = read_csv(listed, _COLUMNS)
    rows = table.pop("row").to_numpy() - 1
    found = read_particle_table(star, _frame(gathered))
    centres = found.particles.centres + gathered.offsets[rows]
    particles = Particles(found.particles.pdb_ids, centres, found.particles.rotations)
    names = gathered.tomograms[rows]
    moved = ParticleTable(names, particles, found.scores, oriented=True)
    write_particle_table(star, moved, gathered.frames, tomogram="")
    origins = pd.DataFrame({"tomogram": names, "pick": gathered.picks[rows] + 1})
    write_csv(listed, pd.concat([origins, table], axis=1))
