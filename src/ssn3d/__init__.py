"""Simulated cryo-electron tomograms, and 3-D networks that segment the macromolecules in them."""

__version__ = "0.1.0"
