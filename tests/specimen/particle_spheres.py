"""Bounding spheres of a specimen's particles."""

import numpy as np


def particle_spheres(specimen):
    """Centres (n, 3) and radii (n,) in voxels, from the summary."""
    particles = specimen.particles
    of_centre, of_radius = (
        np.array([specimen.summary[f"bounding_{what}_voxels"][i] for i in particles.pdb_ids])
        for what in ("centre", "radius")
    )
    return particles.centres + np.einsum("nij,nj->ni", particles.rotations, of_centre), of_radius
