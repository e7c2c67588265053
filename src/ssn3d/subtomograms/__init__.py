"""Cubic crops of tomograms with masks, datasets of them, and splits of the datasets."""
