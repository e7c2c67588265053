"""Tilt series, contrast transfer, noise, reconstruction and the signal-to-noise ratio."""
