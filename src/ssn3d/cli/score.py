"""`ssn3d score`: files of masks (.h5), of text (tables of picks) and volumes are told apart."""

import argparse
from pathlib import Path

from ssn3d.cli import options

DESCRIPTION = "score picks, a segmentation, or masks of subtomograms against the truth"
EXAMPLE = """ssn3d score picks.star --truth particles.star --tomogram tomogram.mrc --distance 60
  ssn3d score tomogram_probability.mrc --truth labels.mrc
  ssn3d score mine.h5 --truth results/subtomograms/A/*.h5 --split results/splits/random.csv \\
      --name Mine --trained-on A --output mine_A"""
_TABLE, _VOLUME, _MASKS = "a table of picks", "a volume", "masks of subtomograms (.h5)"
_OPTIONS = {
    _TABLE: {
        "distance", "diameter", "tomogram", "voxel_size", "name", "tomograms", "pixel_size",
        "offset",
    },
    _VOLUME: {"threshold"},
    _MASKS: {"split", "output", "name", "trained_on", "parameters", "milliseconds"},
}  # fmt: skip
"""Options of each kind of file; they have no defaults, so that those given are known."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", help=f"{_TABLE} (STAR, CSV, JSON, ...), {_VOLUME}, or {_MASKS}")
    truth = "file to compare with; for masks, all shards of a dataset"
    parser.add_argument("--truth", required=True, nargs="+", metavar="FILE", help=truth)
    add = parser.add_argument_group(_TABLE).add_argument
    near = "maximum distance of a pick from a particle in angstrom (default: --diameter / 4)"
    add("--distance", type=options.angstrom, metavar="A", help=near)
    add("--diameter", type=options.angstrom, metavar="A", help="particle diameter in angstrom")
    where = "volume or tomograms.star; particles outside do not count (required for RELION 5)"
    add("--tomogram", metavar="FILE", help=where)
    options.add_voxel_size(add)
    name = "tomogram name in the tables (default: from --tomogram); for masks, name of the method"
    unit = "unit of the picks' coordinates in pixels, in angstrom (default: as the table states)"
    options.add_table_options(add, name, unit)
    add = parser.add_argument_group(_VOLUME).add_argument
    threshold = "minimum value of a voxel of macromolecule (default 0.5)"
    add("--threshold", type=options.finite, metavar="T", help=threshold)
    add = parser.add_argument_group(f"{_MASKS}; see docs/how-to/leaderboard.md").add_argument
    add("--split", metavar="CSV", help="split whose test and independent subtomograms are scored")
    add("--output", metavar="FOLDER", help="folder for tables of scores and run.json")
    add("--trained-on", metavar="DATA", help="training datasets, for the leaderboard")
    number = "number of parameters of the method"
    add("--parameters", type=options.count, metavar="N", help=number)
    time = "computing time for a subtomogram in milliseconds"
    add("--milliseconds", type=options.positive, metavar="T", help=time)


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.core.errors import DataError

    kind = _kind(arguments.file, arguments.truth)
    for name in sorted(set().union(*_OPTIONS.values()) - _OPTIONS[kind]):
        if getattr(arguments, name) is not None:
            option = name.replace("_", "-")
            raise DataError(f"{arguments.file}: {kind}, which has no --{option}; leave it out")
    {_TABLE: _score_picks, _VOLUME: _score_volume, _MASKS: _score_masks}[kind](arguments)


def _kind(path: str, truth: list[str]) -> str:
    """Tell masks by the suffix, and tables from volumes by the content.

    Raises DataError if a table or volume is missing, or several files of truth are given for it.
    """
    from ssn3d.core.errors import DataError
    from ssn3d.io.files import exists
    from ssn3d.io.text_files import is_text

    if Path(path).suffix.lower() in {".h5", ".hdf5"}:
        return _MASKS
    if len(truth) > 1:
        raise DataError(f"--truth: {len(truth)} files, {path} needs one")
    if not exists(Path(path)):
        raise DataError(f"{path}: no such file; give {_TABLE}, {_VOLUME} or {_MASKS}")
    return _TABLE if is_text(path) else _VOLUME


def _score_picks(arguments: argparse.Namespace) -> None:
    """Print the score of a table of picks and, where there are classes, recall by class."""
    from ssn3d.core.errors import DataError
    from ssn3d.picking.score_files import score_tables

    if arguments.distance is None and arguments.diameter is None:
        raise DataError(
            "no --distance nor --diameter: give the maximum distance of a pick from a particle in "
            "angstrom, or the particle diameter, of which it is a quarter"
        )
    score = score_tables(
        arguments.file,
        arguments.truth[0],
        arguments.distance or arguments.diameter / 4,
        tomogram=arguments.tomogram,
        voxel_size_angstrom=arguments.voxel_size,
        options=options.table_options(arguments),
    )
    print(f"picks      {score.picks}")
    print(f"particles  {score.truth}")
    print(f"found      {score.found}")
    print(f"precision  {score.precision:.4f}")
    print(f"recall     {score.recall:.4f}")
    print(f"F1         {score.f1:.4f}")
    print(f"F4         {score.f4:.4f}")
    print(f"mean error    {score.mean_error_angstrom:.1f} A")
    print(f"median error  {score.median_error_angstrom:.1f} A")
    for name, (recall, number) in score.recall_by_class.items():
        if name:
            print(f"  {name:<8} recall {recall:.4f} of {number}")


def _score_volume(arguments: argparse.Namespace) -> None:
    from ssn3d.picking.score_files import score_volumes

    threshold = 0.5 if arguments.threshold is None else arguments.threshold
    score = score_volumes(arguments.file, arguments.truth[0], threshold)
    print(f"IoU        {score.iou:.4f}")
    print(f"precision  {score.precision:.4f}")
    print(f"recall     {score.recall:.4f}")


def _score_masks(arguments: argparse.Namespace) -> None:
    """Print the scores of masks of subtomograms, and write them for the leaderboard."""
    from ssn3d.core.errors import DataError
    from ssn3d.segmentation.evaluation.external_masks import score_predictions

    for option in ("split", "output", "name"):
        if getattr(arguments, option) is None:
            raise DataError(f"no --{option}: {_MASKS} need it; see ssn3d score --help")
    metrics = score_predictions(
        arguments.file,
        arguments.truth,
        arguments.split,
        arguments.output,
        method=arguments.name,
        trained_on=arguments.trained_on or "",
        parameters=arguments.parameters,
        milliseconds=arguments.milliseconds,
    )
    print(f"{'':<12} subtomograms  pixel accuracy   mIoU  ROI's IoU")
    for part, found in metrics.items():
        scores = f"{found['pixel_accuracy']:15.2f} {found['miou']:6.2f}"
        print(f"{part:<12} {found['subtomograms']:12d} {scores} {found['iou_foreground']:10.2f}")
    print(f"for the leaderboard, add {arguments.output} to leaderboard.external")
