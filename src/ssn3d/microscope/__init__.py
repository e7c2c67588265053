"""Microscope: the density of a specimen in, tilt series and tomograms at a target SNR out.

`steps.image_specimen` projects, applies the CTF and the detector, and reconstructs without noise;
`steps.add_noise` adds noise scaled to the target SNR. Stacks are (tilt, y, x), volumes (z, y, x).
"""
