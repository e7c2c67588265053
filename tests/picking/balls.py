"""Dark balls in noise, at places between voxels."""

import numpy as np

from ssn3d.core.seeds import generator


def volume_of_balls(shape, centres, radius, *, noise=0.0, seed=0):
    """Give a volume (z, y, x) with balls of value -1 and soft surfaces, and Gaussian noise."""
    volume = np.zeros(shape, dtype=np.float32)
    for centre in centres:
        reach = int(radius) + 2
        spans = [
            range(max(int(c) - reach, 0), min(int(c) + reach + 2, n))
            for c, n in zip(centre, shape, strict=True)
        ]
        grid = np.meshgrid(*spans, indexing="ij")
        distance = np.sqrt(sum((axis - c) ** 2 for axis, c in zip(grid, centre, strict=True)))
        ball = np.clip(radius + 0.5 - distance, 0, 1).astype(np.float32)
        volume[tuple(slice(span.start, span.stop) for span in spans)] -= ball
    rng = generator(seed, "noise")
    return volume + np.float32(noise) * rng.standard_normal(shape, dtype=np.float32)


def scattered(shape, count, apart, margin, seed=0):
    """Give places at least so far from each other and from the border."""
    rng = generator(seed, "places")
    places = []
    while len(places) < count:
        place = rng.uniform(margin, np.array(shape) - 1 - margin)
        if all(np.linalg.norm(place - other) >= apart for other in places):
            places.append(place)
    return np.array(places)


def reader(volume):
    """Give the function that reads a volume."""
    return lambda where: volume[where].astype(np.float32)
