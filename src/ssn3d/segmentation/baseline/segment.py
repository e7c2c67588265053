"""Unsupervised baseline of Table 2 (Xu & Alber 2013, Bioinformatics 29, i274).

Smooth, over-segment by watershed, keep the segments above a threshold as foreground, group them
into particles by a Gaussian mixture, and take the particle at the centre. A subtomogram is a cube
(z, y, x) with its centre at voxel size // 2; protein is negative in it.
"""

import warnings
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.morphology import local_maxima, local_minima
from skimage.segmentation import watershed
from sklearn.exceptions import ConvergenceWarning
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from ssn3d.segmentation.baseline.mumford_shah import threshold_segments
from ssn3d.segmentation.evaluation.metrics import SEGMENTED
from ssn3d.segmentation.settings import BaselineParameters

ONE_SEGMENT = "one segment"
NOTHING_ABOVE_THRESHOLD = "nothing above threshold"
CLUSTERING_FAILED = "clustering failed"
NO_CLUSTER_AT_CENTRE = "no cluster at the centre"

_ROUNDING_DECIMALS = 6


@dataclass(frozen=True)
class Segmentation:
    """Result and intermediate steps; every array has the subtomogram's shape."""

    mask: NDArray[np.bool_]
    """Mask of the target; empty unless the outcome is "segmented" or "one segment"."""
    outcome: str
    """ "segmented"; "one segment", which is the mask; or why the mask is empty: "nothing above
    threshold", "clustering failed", "no cluster at the centre"."""
    segments: NDArray[np.int32]
    """Watershed segments, numbered from 1; all 0 in a constant subtomogram."""
    foreground: NDArray[np.bool_]
    """The segments above the threshold."""
    clusters: NDArray[np.int32]
    """Particles, numbered from 1; 0 in the background."""


def segment(
    image: NDArray[np.floating[Any]], parameters: BaselineParameters, rng: np.random.Generator
) -> Segmentation:
    """Segment the particle at the centre of a subtomogram (s, s, s).

    An offset or a positive scale of the subtomogram does not change the result.
    """
    density = smoothed_density(image, parameters.smoothing_sigma_voxels)
    segments = _oversegment(density, parameters.flooded)
    foreground = threshold_segments(density, segments, parameters.boundary_weight)
    clusters, outcome = _cluster_segments(segments, foreground, parameters, rng)
    mask = cluster_at_centre(clusters, parameters.central_radius_voxels)
    if clusters.any() and not mask.any():
        outcome = NO_CLUSTER_AT_CENTRE
    return Segmentation(mask, outcome, segments, foreground, clusters)


def segment_on_one_thread(
    image: NDArray[np.floating[Any]], parameters: BaselineParameters, rng: np.random.Generator
) -> tuple[NDArray[np.bool_], str]:
    """Mask and outcome of `segment`, for worker processes: libraries use one thread.

    This module does not import torch, so that a worker starts quickly and stays small.
    """
    with threadpool_limits(1):
        result = segment(image, parameters, rng)
    return result.mask, result.outcome


def smoothed_density(image: NDArray[np.floating[Any]], sigma_voxels: float) -> NDArray[np.float64]:
    """Smooth, make protein positive, scale to mean 0 and variance 1; all 0 if constant."""
    exact = image.astype(np.float64)
    exact -= exact.mean()
    smoothed = ndimage.gaussian_filter(exact, sigma_voxels, mode="nearest")
    spread = smoothed.std()
    if spread <= 10.0**-_ROUNDING_DECIMALS * np.abs(image).max():
        return np.zeros(image.shape)
    density = (smoothed.mean() - smoothed) / spread
    # rounding errors would be extrema in flat regions
    return np.asarray(density.round(_ROUNDING_DECIMALS), dtype=np.float64)


def _oversegment(
    density: NDArray[np.float64], flooded: Literal["gradient", "density"]
) -> NDArray[np.int32]:
    """Watershed from the local extrema; all voxels are 0 if there are none.

    Maxima lie in particles, minima between them. On the gradient, their segments meet where the
    density is steepest, at the surface of a particle.
    """
    if flooded == "gradient":
        landscape = ndimage.generic_gradient_magnitude(density, ndimage.sobel, mode="nearest")
        extrema = local_maxima(density) | local_minima(density)  # type: ignore[no-untyped-call]
    else:
        landscape = -density
        extrema = local_maxima(density)  # type: ignore[no-untyped-call]
    markers, _ = ndimage.label(extrema, structure=np.ones((3, 3, 3)))
    segments = watershed(landscape, markers)  # type: ignore[no-untyped-call]
    return np.asarray(segments, dtype=np.int32)


def _cluster_segments(
    segments: NDArray[np.int32],
    foreground: NDArray[np.bool_],
    parameters: BaselineParameters,
    rng: np.random.Generator,
) -> tuple[NDArray[np.int32], str]:
    """Group the foreground segments into particles; return the clusters and the outcome.

    Each whole segment belongs to the cluster with most of it.
    """
    clusters = np.zeros(segments.shape, dtype=np.int32)
    kept, owner = np.unique(segments[foreground], return_inverse=True)
    if len(kept) == 0:
        return clusters, NOTHING_ABOVE_THRESHOLD
    if len(kept) == 1:
        clusters[foreground] = 1
        return clusters, ONE_SEGMENT
    voxels = np.argwhere(foreground).astype(np.float64)
    mixture = _fit_mixture(voxels, parameters, rng)
    if mixture is None:
        return clusters, CLUSTERING_FAILED
    share = np.zeros((len(kept), mixture.n_components))
    np.add.at(share, owner, mixture.predict_proba(voxels))
    clusters[foreground] = 1 + share.argmax(axis=1)[owner]
    return clusters, SEGMENTED


def _fit_mixture(
    voxels: NDArray[np.float64], parameters: BaselineParameters, rng: np.random.Generator
) -> GaussianMixture | None:
    """Fit mixtures of spherical Gaussians to a sample of voxels (n, 3); return the best by BIC.

    Mixtures that do not converge are ignored; None if none converges.
    """
    count = max(len(voxels) // parameters.voxels_per_point, 2)
    points = rng.choice(voxels, count, replace=False)
    random_state = int(rng.integers(2**32))
    best, best_bic = None, np.inf
    for clusters in range(1, min(parameters.max_clusters, count - 1) + 1):
        mixture = GaussianMixture(
            clusters,
            covariance_type="spherical",
            reg_covar=parameters.smoothing_sigma_voxels**2,
            max_iter=300,
            random_state=random_state,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            mixture.fit(points)
        if mixture.converged_ and (bic := mixture.bic(points)) < best_bic:
            best, best_bic = mixture, bic
    return best


def cluster_at_centre(clusters: NDArray[np.int32], radius_voxels: float) -> NDArray[np.bool_]:
    """Mask of the cluster at the central voxel, or else the largest in the central sphere."""
    centre = np.array(clusters.shape) // 2
    target = clusters[tuple(centre)]
    if target == 0:
        offsets = np.moveaxis(np.indices(clusters.shape), 0, -1) - centre
        near = clusters[(offsets**2).sum(axis=-1) <= radius_voxels**2]
        volumes = np.bincount(near)
        volumes[0] = 0
        target = volumes.argmax()
    return np.asarray((clusters == target) & (clusters > 0), dtype=np.bool_)
