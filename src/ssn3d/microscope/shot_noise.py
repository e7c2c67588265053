"""Variance of the noise from tilt to tilt.

The fraction of electrons without energy loss falls exponentially with the path in the ice, over the
mean free path: 3950 angstrom at 300 kV (Rice et al. 2018, J. Struct. Biol. 204, 38). Images are
normalised by their mean, so that the variance of the shot noise, which enters after the CTF, is the
inverse of the number of electrons; that of the granularity of ice, before the CTF, is proportional
to the path. Both are 1 in an image of mean exposure with the beam normal to the ice. Only ratios
matter: the noise scale is solved for the SNR (`noise_scale`).
"""

import numpy as np
from numpy.typing import NDArray


def noise_variances(
    beam_cosine: NDArray[np.float64], electrons: NDArray[np.float64], paths_through_ice: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances of the noise of each tilt before and after the CTF, (n,) each.

    `beam_cosine` (n,) is of the angle between the beam and the normal of the ice, `electrons` (n,)
    are exposures in any unit; the thickness of the ice is in mean free paths, 0 for none.
    """
    stretch = 1 / np.abs(beam_cosine)
    passed = electrons / electrons.mean() * np.exp(-paths_through_ice * (stretch - 1))
    before_ctf = stretch if paths_through_ice else np.ones_like(stretch)
    return before_ctf, 1 / passed
