"""Training: shards, a split and settings in; weights.pt, history.csv and run.json out.

`launch` starts the processes, `steps` reads and writes the files, `train` is the training loop.
"""
