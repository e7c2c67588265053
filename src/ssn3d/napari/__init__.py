"""Plugin of napari: opens a tomogram with its segmentation and picks.

`napari.yaml` is its manifest (npe2); `reader` needs nothing of napari.
"""
