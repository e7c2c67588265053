"""Measurements of a tomogram, and the settings of a simulation like it."""
