"""Positions of particles in files: STAR files of RELION 4, RELION 5 and Warp, copick's JSON, CSV.

Other programs' files, read and written; `star` has those that pass between our own stages.
"""
