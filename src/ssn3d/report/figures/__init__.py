"""Figures: a module for each, whose `draw_...` reads files and writes a PNG and an SVG.

`panels`, `labels` and `style` are shared. Volumes are (z, y, x), protein dark unless stated.
"""
