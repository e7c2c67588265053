"""Names of one tomogram in files of different programs.

RELION names rec_TS_01.mrc TS_01, Warp names TS_01_10.00Apx.mrc TS_01.tomostar, AreTomo writes
TS_01_Vol.mrc, IMOD TS_01_rec.mrc. Such prefixes and suffixes are ignored if names differ.
"""

import re
from collections.abc import Collection
from functools import lru_cache

from ssn3d.core.errors import DataError
from ssn3d.io.text_files import listed

_PREFIX = re.compile(r"^rec_")
_SUFFIX = re.compile(
    r"(\.(tomostar|mrcs?|rec|st|map|em|tiff?|gz|bz2|hdf|xml|zarr|ome)|_[0-9.]+apx|_vol|_rec|_full|_crop(?:ped)?|_bin[0-9]+"
    r"|_half[12]?|_odd|_evn|_even|_probability|_labels|_denoised|_corrected|_deconv)$",
    re.IGNORECASE,
)


@lru_cache(maxsize=100_000)
def core_name(name: str) -> str:
    """Return the name of a tilt series without folder, and prefixes and suffixes of programs."""
    core = _PREFIX.sub("", name.rpartition("/")[2])
    while shorter := _SUFFIX.sub("", core):
        if shorter == core:
            break
        core = shorter
    return core


def same_tomogram(name: str, others: Collection[str]) -> str | None:
    """Find a tomogram among others by its name or, if only one fits, by its core name.

    Raises DataError if several fit.
    """
    if name in others:
        return name
    fitting = sorted({other for other in others if core_name(other) == core_name(name)})
    if len(fitting) > 1:
        raise DataError(f"{name}: may be any of tomograms {listed(fitting)}; give one with --name")
    return fitting[0] if fitting else None
