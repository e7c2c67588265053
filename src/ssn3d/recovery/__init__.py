"""Particles of whole tomograms: picked, segmented, averaged and, if simulated, scored."""
