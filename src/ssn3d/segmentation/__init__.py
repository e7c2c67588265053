"""Segmentation of particles: shards of subtomograms in; weights, masks and tables of scores out.

`networks`, `training`, `inference` and `evaluation` are for networks, `baseline` for other methods;
`settings` has the sections `training` and `baseline` of the configuration.
"""
