"""How well the other targets fit where one target may be.

A particle of one target fits others a little, and may fit the wrong one best by chance.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree
from scipy.stats import median_abs_deviation

_REACH_OF_DIAMETER = 0.75
"""Farthest candidate that counts, relative to the larger diameter."""


@dataclass(frozen=True)
class Candidates:
    """Candidates for one target in a tomogram."""

    centres: NDArray[np.float64]
    """(n, 3), z, y, x in voxels."""
    scores: NDArray[np.float64]
    """(n,), comparable with those of other targets."""
    diameter_voxels: float


def relative(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Scores (n,) of all candidates from their median, in robust standard deviations.

    Most candidates are wrong, so that what the scores of two targets mean can be compared.
    """
    if not len(scores):
        return scores
    deviation = float(median_abs_deviation(scores, scale="normal"))
    return (scores - np.median(scores)) / (deviation or 1.0)


def best_of_others(found: Mapping[str, Candidates]) -> dict[str, NDArray[np.float64]]:
    """Find the highest score (n,) of the other targets at each candidate, at least 0, by target."""
    rivals = {}
    for target, one in found.items():
        near = [highest_near(one, theirs) for other, theirs in found.items() if other != target]
        rivals[target] = np.max(near, axis=0) if near else np.zeros(len(one.scores))
    return rivals


def compared_with_rivals(found: Mapping[str, Candidates]) -> dict[str, NDArray[np.float64]]:
    """Compare each candidate (n,) with the best of the other targets at it, by target.

    It is the logarithm of the rival's score, relative to the candidate's own; scores below 1 are
    noise, and count as 1. Both grow alike with the SNR and where particles are rarer, so that their
    ratio means the same in all tomograms. Without other targets it is 0.
    """
    compared = {}
    for target, rivals in best_of_others(found).items():
        own = found[target].scores if len(found) > 1 else np.ones(len(rivals))
        compared[target] = np.log(np.maximum(rivals, 1) / np.maximum(own, 1))
    return compared


def highest_near(candidates: Candidates, others: Candidates) -> NDArray[np.float64]:
    """Find the highest score (n,) of others near each candidate, at least 0."""
    highest = np.zeros(len(candidates.scores))
    if len(highest) and len(others.scores):
        reach = _REACH_OF_DIAMETER * max(candidates.diameter_voxels, others.diameter_voxels)
        pairs = cKDTree(candidates.centres).sparse_distance_matrix(
            cKDTree(others.centres), reach, output_type="ndarray"
        )
        np.maximum.at(highest, pairs["i"], others.scores[pairs["j"]])
    return highest
