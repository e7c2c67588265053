"""Small tomograms of one's own, and a network that needs no training."""

import mrcfile
import numpy as np
import torch
from scipy import ndimage
from torch import nn

from ssn3d.core.seeds import generator
from ssn3d.segmentation.training.checkpoint import write_tensors


class Dark(nn.Module):
    """Marks voxels more than two standard deviations below the mean."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([20.0]))

    def forward(self, images):
        return torch.cat([torch.zeros_like(images), self.scale * (-images - 2)], dim=1)


class FiveClasses(nn.Module):
    """Macromolecule below -2, membrane from -1.5 to -1, other below -7.25; else background."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor([20.0]))

    def forward(self, images):
        """Map images (n, 1, s, s, s) to logits (n, 5, s, s, s)."""
        dark, membrane = -images - 2, 0.25 - (images + 1.25).abs()
        filament = torch.full_like(images, -9.0)
        classes = [torch.zeros_like(images), dark, 4 * membrane, filament, 3 * (-images - 5.5)]
        return self.scale * torch.cat(classes, dim=1)


def spheres(shape, centres, radius):
    """Mask of spheres, radius and (z, y, x) centres in voxels."""
    grid = np.moveaxis(np.indices(shape), 0, -1)
    mask = np.zeros(shape, bool)
    for centre in centres:
        mask |= ((grid - centre) ** 2).sum(axis=-1) <= radius**2
    return mask


def dark_spheres(shape, centres, radius, noise=0.3):
    """Protein of -1 on smooth noise."""
    rough = generator(0, "own tomogram").standard_normal(shape)
    smooth = ndimage.gaussian_filter(rough, (1.0, 0.5, 0.5))
    return (noise * smooth / smooth.std() - spheres(shape, centres, radius)).astype(np.float32)


def write_tomogram(path, volume, voxel_size=10.0):
    """Write with mrcfile, as other programs do."""
    with mrcfile.new(path, volume, overwrite=True) as mrc:
        mrc.voxel_size = voxel_size
        mrc.header.origin = (100.0, 200.0, 300.0)
        mrc.header.nxstart = -7
    return path


def write_dark_weights(path, scale=20.0, target="all", network="Dark", **form):
    """Weights of `Dark`, once it is in the registry; with a scale of 0 it never decides."""
    content = {"network": network, "precision": "float32", "target": target}
    content |= {"voxel_size_angstrom": 10.0, "size_voxels": 40, **form}
    write_tensors(path, content | {"weights": {"scale": torch.tensor([scale])}})
    return path
