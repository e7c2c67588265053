"""Subtomograms: tomograms, labels and particles in, shards (HDF5) of cubes with masks out.

`store` documents the format of a shard. `splits` assigns each subtomogram to train, validation,
test or independent set.
"""
