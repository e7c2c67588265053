"""Probability that a candidate is right, by its scores, learnt where the particles are known.

It is a logistic function of its `SCORES` (Platt 1999, Advances in large margin classifiers). Unlike
isotonic regression, it is not brought down to nothing by one wrong candidate with high scores, and
holds beyond the scores of the simulated tomograms. Two candidates of the mean scores, one of them
right, are added, so that few candidates give no probabilities of 0 or 1.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

Numbers = NDArray[np.float64]
_BINS = 5
"""Points of a calibration curve."""

SCORES = {"score": 1, "rival": -1, "network": 1, "blob": 1}
"""Scores of a candidate, and the sign of what each says: likeness to the map of the target, that of
the best rival to its map, relative to it (`rivals`), the network's probability of macromolecule,
and the height of the blob that difference of Gaussians sees."""


@dataclass(frozen=True)
class Scored:
    """Candidates of one target in one tomogram whose particles are known."""

    scores: Numbers
    """(n, scores), in the order of `SCORES`."""
    correct: NDArray[np.bool_]
    """(n,) True for those at a true particle that no other candidate has."""
    true: int
    """Number of true particles."""


@dataclass(frozen=True)
class Calibration:
    """Logistic function of the scores."""

    slopes: tuple[float, ...]
    """Of each score; 0, or of the sign that `SCORES` has."""
    intercept: float

    def probability(self, scores: Numbers) -> Numbers:
        """Probabilities (n,) that candidates with these scores (n, scores) are right."""
        return np.asarray(expit(scores @ self.slopes + self.intercept))


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
    correct = np.concatenate([one.correct for one in scored])
    signs = np.array(list(SCORES.values()))
    middle = scores.mean(axis=0) if len(scores) else np.zeros(len(signs))
    scores, correct = np.vstack([scores, middle, middle]), np.append(correct, [True, False])
    scale = StandardScaler().fit(scores).scale_  # so that all slopes are penalised alike
    used = np.ones(len(signs), dtype=bool)
    while used.any():
        fit = LogisticRegression(max_iter=1000).fit(scores / scale * used, correct)
        slopes = np.where(used, fit.coef_[0] / scale, 0.0)
        if (slopes * signs >= 0).all():
            return Calibration(tuple(slopes.tolist()), float(fit.intercept_[0]))
        used &= slopes * signs >= 0  # a score that says the opposite says nothing
    return Calibration((0.0,) * len(signs), float(logit(correct.mean())))


def ranked(probabilities: Numbers, rivals: Numbers) -> NDArray[np.intp]:
    """Rows of candidates (n,), the most probable first, without those where a rival is more so.

    `rivals` are the highest probabilities of another target there.
    """
    best = np.flatnonzero(probabilities >= rivals)
    return best[np.argsort(-probabilities[best], kind="stable")]


def kept(probabilities: Numbers, rivals: Numbers, false_discovery_rate: float) -> NDArray[np.bool_]:
    """Mark as many candidates (n,) as keep the expected fraction of wrong ones at the rate.

    Those where another target is more probable (`rivals`, the highest probability of one) are left
    out. The most probable come first; of equally probable ones, all or none are kept.
    """
    order = ranked(probabilities, rivals)
    ordered = probabilities[order]
    wrong = np.cumsum(1 - ordered) / np.arange(1, len(ordered) + 1)
    allowed = wrong <= false_discovery_rate
    allowed &= np.append(np.diff(ordered) < 0, True)[: len(ordered)]
    count = int(np.flatnonzero(allowed)[-1]) + 1 if allowed.any() else 0
    marked = np.zeros(len(probabilities), dtype=bool)
    marked[order[:count]] = True
    return marked


def expected(
    scored: Sequence[Scored],
    probabilities: Sequence[Numbers],
    rivals: Sequence[Numbers],
    false_discovery_rate: float,
) -> Expected:
    """Precision and recall in tomograms whose particles are known, at a rate in all of them.

    Probabilities (n,) that candidates are right, and rivals (n,), the highest probability of
    another target there, are those of each tomogram.
    """
    chosen = kept(np.concatenate(probabilities), np.concatenate(rivals), false_discovery_rate)
    picks = int(chosen.sum())
    right = int(np.concatenate([one.correct for one in scored])[chosen].sum())
    true = sum(one.true for one in scored)
    return Expected(
        false_discovery_rate,
        picks,
        precision=right / picks if picks else np.nan,
        recall=right / true if true else np.nan,
    )


def reliability(
    scored: Sequence[Scored], probabilities: Sequence[Numbers]
) -> tuple[Numbers, Numbers, NDArray[np.int_]]:
    """Calibration curve: mean probability, observed share of right candidates, and their number.

    The candidates of all tomograms are sorted by their probabilities into equal intervals from 0 to
    1; those without candidates are left out.
    """
    found = np.concatenate(probabilities)
    correct = np.concatenate([one.correct for one in scored]).astype(float)
    places = np.minimum((found * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(places, minlength=_BINS)
    filled = counts > 0
    sums = (np.bincount(places, values, minlength=_BINS)[filled] for values in (found, correct))
    mean, share = (total / counts[filled] for total in sums)
    return mean, share, counts[filled]
