"""Structures: coordinate files, density maps or surrogates in, points of mass out.

A structure has points (n, 3) in angstrom, z, y, x, about the centre of mass, and masses (n,) in
dalton. `steps.prepare_structures` writes one .npz and one .json (source, SHA-256) per PDB ID.
"""
