"""Baselines without a network: a subtomogram in, the mask of the particle at its centre out.

`segment` is the paper's baseline (Xu & Alber) with the threshold of `mumford_shah`, `search` tunes
it, `classical` has Otsu's and the oracle's thresholds; `steps` reads and writes the files.
"""
