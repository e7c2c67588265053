"""How the noise's variance changes from tilt to tilt.

Ice that is tilted by a is 1 / cos(a) times as thick along the beam. What passes it without energy
loss falls exponentially with this path, over the mean free path: 3950 angstrom at 300 kV (Rice et
al. 2018, J. Struct. Biol. 204, 38). Images are normalised by their mean, so that the variance of
the counting noise, which enters after the CTF, is the inverse of the number of electrons; that of
the ice's own granularity, before the CTF, goes with the path. Both are 1 in an untilted image of
mean exposure. Only the ratios matter: the noise scale is solved for the SNR (`noise_scale`).
"""

import numpy as np
from numpy.typing import NDArray


def noise_variances(
    tilt_deg: NDArray[np.float64],
    electrons: NDArray[np.float64],
    paths_through_ice: float,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Variances of the noise of each tilt before and after the CTF, (n,) each.

    `electrons` is proportional to the exposures (n,); `paths_through_ice` is the thickness of the
    untilted ice in mean free paths, 0 for none.
    """
    stretch = 1 / np.cos(np.deg2rad(tilt_deg))
    passed = electrons / electrons.mean() * np.exp(-paths_through_ice * (stretch - 1))
    before_ctf = stretch if paths_through_ice else np.ones_like(stretch)
    return before_ctf, 1 / passed
