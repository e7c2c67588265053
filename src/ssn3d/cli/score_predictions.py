"""`ssn3d score` on a file of predicted masks."""

import argparse

from ssn3d.core.errors import DataError
from ssn3d.segmentation.evaluation.external_masks import score_predictions


def run(arguments: argparse.Namespace) -> None:
    """Score masks of subtomograms, print the scores and write them for the leaderboard."""
    needed = {"--split": arguments.split, "--output": arguments.output, "--name": arguments.name}
    for option, value in needed.items():
        if value is None:
            raise DataError(f"no {option}: masks of subtomograms need it; see ssn3d score --help")
    metrics = score_predictions(
        arguments.picks,
        arguments.truth,
        arguments.split,
        arguments.output,
        method=arguments.name,
        trained_on=arguments.trained_on,
        parameters=arguments.parameters,
        milliseconds=arguments.milliseconds,
    )
    print(f"{'':<12} subtomograms  pixel accuracy   mIoU  ROI's IoU")
    for part, found in metrics.items():
        scores = f"{found['pixel_accuracy']:15.2f} {found['miou']:6.2f}"
        print(f"{part:<12} {found['subtomograms']:12d} {scores} {found['iou_foreground']:10.2f}")
    print(f"for the leaderboard, add {arguments.output} to leaderboard.external")
