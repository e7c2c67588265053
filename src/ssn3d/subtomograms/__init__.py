"""Cubic crops of tomograms, their masks, the file that holds them, and their splits."""
