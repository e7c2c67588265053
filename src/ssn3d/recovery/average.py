"""One average of the picks of several tomograms, from files to files."""

from collections.abc import Sequence
from dataclasses import replace

from ssn3d.averaging.options import AverageOptions
from ssn3d.averaging.steps import average_prepared, first_reference
from ssn3d.core.errors import DataError
from ssn3d.core.seeds import generator
from ssn3d.io.files import PathLike
from ssn3d.recovery.particle_stack import Source, prepare_picks
from ssn3d.recovery.settings import AverageSettings


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

    Writes the files of `average_particles` to the folder, with poses in the picks' tomograms.
    `truth` is the true map.

    Raises:
        DataError: voxel sizes differ, no tilts are common, or there are too few picks.
        WriteError: a file cannot be written.
    """
    options = AverageOptions(
        **settings.model_dump(exclude={"pdb_id", "reference", "masks"}),
        masked="none" if settings.masks == "none" else "sphere",
        tilt_range_deg=_common_tilts(sources),
        seed=seed,
        threads=threads,
    )
    if settings.masks != "network":
        sources = [replace(source, instances=None) for source in sources]
    prepared = prepare_picks(sources, options, truth)
    rng = generator(seed, "average")
    reference = first_reference(settings.reference, prepared, options, rng)
    average_prepared(prepared, reference, folder, options.rounds, rng)


def _common_tilts(sources: Sequence[Source]) -> tuple[float, float]:
    """Tilt range in degrees that all tomograms have. Raises DataError if there is none."""
    lows, highs = zip(*(source.sample.tilt_range_deg for source in sources), strict=True)
    if max(lows) >= min(highs):
        raise DataError(
            f"no tilts in common: one tomogram begins at {max(lows):g} degrees, another ends at "
            f"{min(highs):g}; average them separately"
        )
    return max(lows), min(highs)
