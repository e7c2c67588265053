"""Coordinate files and surrogates, read as mass-weighted points."""
