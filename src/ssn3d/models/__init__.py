"""Trained networks by name: a name or a file of weights in, a network ready to predict out.

The folder holds the models that come with the package: weights (NAME.pt) and a card (NAME.json).
`card` describes a model, `shipped` loads it, `export_model` makes one from a training.
"""
