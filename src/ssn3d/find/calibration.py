"""Probability that a candidate is right, by its score, learnt on simulated tomograms.

The probability rises with the score: isotonic regression (Zadrozny & Elkan 2002, KDD). One wrong
candidate is added at the highest score and one right at the lowest, so that few candidates give no
probabilities of 0 or 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """Candidates of one target in one simulated tomogram."""

    scores: Numbers
    """(n,)"""
    correct: NDArray[np.bool_]
    """(n,) True for those at a true particle that no other candidate has."""
    true: int
    """Number of true particles."""


@dataclass(frozen=True)
class Calibration:
    """Steps of the probability."""

    scores: Numbers
    """(k,) rising; a step holds from its score up to the next."""
    probabilities: Numbers
    """(k,) rising."""

    def probability(self, scores: Numbers) -> Numbers:
        """Probabilities (n,) that candidates with these scores (n,) are right."""
        steps = np.searchsorted(self.scores, scores, side="right") - 1
        return np.asarray(self.probabilities[steps.clip(min=0)])


@dataclass(frozen=True)
class Expected:
    """Scores of the picks of one target that are to be expected, from simulated tomograms."""

    false_discovery_rate: float
    """Expected fraction of wrong picks, by which they were chosen."""
    picks: int
    precision: float
    """NaN without picks."""
    recall: float
    """NaN without true particles."""


def calibrate(scored: Sequence[Scored]) -> Calibration:
    """Fit the probability to candidates; without any, it is 0.5, of the two that are added."""
    scores = np.concatenate([one.scores for one in scored])
    correct = np.concatenate([one.correct for one in scored]).astype(float)
    low, high = (scores.min(), scores.max()) if len(scores) else (0.0, 0.0)
    scores, correct = np.append(scores, [low, high]), np.append(correct, [1.0, 0.0])
    steps, place = np.unique(scores, return_inverse=True)
    counts = np.bincount(place).astype(float)
    fit = isotonic_regression(np.bincount(place, correct) / counts, weights=counts)
    first = np.append(True, np.diff(fit.x) > 0)
    return Calibration(steps[first], np.asarray(fit.x[first], dtype=np.float64))


def kept(probabilities: Numbers, false_discovery_rate: float) -> NDArray[np.bool_]:
    """Mark as many candidates (n,) as keep the expected fraction of wrong ones at the rate.

    The most probable come first; of equally probable ones, all or none are kept.
    """
    order = np.argsort(-probabilities, kind="stable")
    ordered = probabilities[order]
    wrong = np.cumsum(1 - ordered) / np.arange(1, len(ordered) + 1)
    allowed = wrong <= false_discovery_rate
    allowed &= np.append(np.diff(ordered) < 0, True)[: len(ordered)]
    count = int(np.flatnonzero(allowed)[-1]) + 1 if allowed.any() else 0
    marked = np.zeros(len(ordered), dtype=bool)
    marked[order[:count]] = True
    return marked


def expected(scored: Sequence[Scored], false_discovery_rate: float) -> Expected:
    """Precision and recall in simulated tomograms, each with a calibration by the others.

    At least two tomograms are needed.
    """
    picks = right = 0
    for row, one in enumerate(scored):
        others = calibrate([*scored[:row], *scored[row + 1 :]])
        chosen = kept(others.probability(one.scores), false_discovery_rate)
        picks += int(chosen.sum())
        right += int((chosen & one.correct).sum())
    true = sum(one.true for one in scored)
    return Expected(
        false_discovery_rate,
        picks,
        precision=right / picks if picks else np.nan,
        recall=right / true if true else np.nan,
    )


def reliability(
    scored: Sequence[Scored], bins: int = 5
) -> tuple[Numbers, Numbers, NDArray[np.int_]]:
    """Calibration curve: mean probability, observed share of right candidates, and their number.

    Each tomogram's candidates have probabilities by the other tomograms, sorted into equal
    intervals from 0 to 1; those without candidates are left out.
    """
    found, correct = np.empty(0), np.empty(0)
    for row, one in enumerate(scored):
        others = calibrate([*scored[:row], *scored[row + 1 :]])
        found = np.append(found, others.probability(one.scores))
        correct = np.append(correct, one.correct.astype(float))
    places = np.minimum((found * bins).astype(int), bins - 1)
    counts = np.bincount(places, minlength=bins)
    filled = counts > 0
    sums = (np.bincount(places, values, minlength=bins)[filled] for values in (found, correct))
    mean, share = (total / counts[filled] for total in sums)
    return mean, share, counts[filled]
