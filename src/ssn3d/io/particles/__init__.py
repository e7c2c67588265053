"""Particle tables of RELION, Warp, M, pytom-match-pick, copick, Dynamo and others, and CSV.

`files` reads any of them into a `ParticleTable` (centres in voxels, z, y, x, of the frames of its
tomograms) and writes it as STAR, JSON or CSV; `of_tomogram` selects the particles of one tomogram;
`simulated` has the tables that stages of ssn3d pass on.
"""
