"""Specimens: structures and settings in; density, instance labels and true particles out.

`build.build_specimen` places background objects, packs particles without overlap and draws both;
`steps.simulate_specimen` does so from files to files. Volumes are (z, y, x).
"""
