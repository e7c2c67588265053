"""SNR of a tomogram in coarser voxels than its own, in which its simulation is made."""

import dataclasses

from ssn3d.measure.measurements import Measurements
from ssn3d.measure.snr import estimate_snr


def snr_in_voxels(found: Measurements, voxel_size_angstrom: float) -> float | None:
    """Estimate the SNR that remains in voxels of this size; None if it cannot be told.

    Coarser voxels hold no frequencies above their Nyquist frequency, which have noise alone.
    """
    if found.tilts_seen_deg is None:  # noise cannot be told from signal
        return None
    spectrum = found.spectrum
    kept = spectrum.frequency_per_angstrom <= 0.5 / voxel_size_angstrom
    if kept.all():
        return None if found.snr is None else found.snr.snr
    names = ("frequency_per_angstrom", "recorded", "per_distance", "missing", "recorded_share")
    shells = {name: getattr(spectrum, name)[kept] for name in names}
    estimate = estimate_snr(dataclasses.replace(spectrum, **shells), found.noise)
    return None if estimate is None else estimate.snr
