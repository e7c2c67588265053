"""Alignment and averaging of subtomograms with a missing wedge."""
