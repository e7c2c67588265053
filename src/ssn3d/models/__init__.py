"""Trained networks that come with the package: weights (NAME.pt) and a card each (NAME.json)."""
