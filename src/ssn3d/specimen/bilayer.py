"""The profile of a lipid bilayer: two layers of head groups, and the chains between them.

Fluid dipalmitoylphosphatidylcholine: area and volumes from Nagle & Tristram-Nagle (2000, Biochim.
Biophys. Acta 1469, 159), contrast from `structures.scattering`. Head groups scatter more than
chains; the methyl ends of the chains, in the middle, less than ice. The layers are 38 angstrom
apart, and resolved at 30 angstrom or better.
"""

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from ssn3d.structures.scattering import Matter, protein_dalton, protein_dalton_per_nm3

_AREA_ANGSTROM2 = 64.0  # of a lipid
_HEAD = Matter({"C": 10, "H": 18, "N": 1, "O": 8, "P": 1}, 319.0)
_METHYLENE = Matter({"C": 1, "H": 2}, 28.5)
_METHYL = Matter({"C": 1, "H": 3}, 57.0)
_METHYLS_PER_AREA = 4  # two chains in each layer
_HEAD_TO_CHAIN_ANGSTROM = 4.9  # from the middle of the head groups to where the chains begin
_SPREAD_ANGSTROM = 3.0  # standard deviation of head groups, chains' ends and methyls
STERIC_ANGSTROM = 4.0
"""Distance from the middle of the head groups to their end."""


def bilayer_profile(
    distances_angstrom: NDArray[np.float64],
    thickness_angstrom: float,
    blur_sigma_angstrom: float,
    spacing_angstrom: float = 0.0,
) -> NDArray[np.float64]:
    """Density at distances from the middle of a bilayer, in dalton of protein per nm^3.

    `thickness_angstrom` is between the layers of head groups; the blur is that of the volume. With
    a spacing there is a second bilayer, at negative distances.
    """
    sigma = math.hypot(blur_sigma_angstrom, _SPREAD_ANGSTROM)
    heads = 1000 * protein_dalton(_HEAD) / _AREA_ANGSTROM2  # over area, for dalton per nm^3
    chain = protein_dalton_per_nm3(_METHYLENE)
    methyls = _METHYLS_PER_AREA * _METHYL.volume_angstrom3 / _AREA_ANGSTROM2
    methyls *= protein_dalton_per_nm3(_METHYL) - chain
    half, ends = thickness_angstrom / 2, thickness_angstrom / 2 - _HEAD_TO_CHAIN_ANGSTROM

    def layer(middle: float) -> NDArray[np.float64]:
        offsets = (distances_angstrom - middle) / sigma
        return np.asarray(np.exp(-(offsets**2) / 2) / (math.sqrt(2 * math.pi) * sigma))

    def step(edge: float) -> NDArray[np.float64]:
        return np.asarray(erf((distances_angstrom - edge) / (math.sqrt(2) * sigma)) / 2)

    profile = (
        heads * (layer(-half) + layer(half))
        + chain * (step(-ends) - step(ends))
        + methyls * layer(0.0)
    )
    if not spacing_angstrom:
        return profile
    second = distances_angstrom + np.float32(spacing_angstrom)
    return profile + bilayer_profile(second, thickness_angstrom, blur_sigma_angstrom)
