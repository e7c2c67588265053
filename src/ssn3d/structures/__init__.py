"""Coordinate files and surrogates, as points of mass."""
