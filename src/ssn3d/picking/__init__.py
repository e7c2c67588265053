"""Stage: picking of particles, without a reference (`dog`) or in a segmentation (`segmentation`).

Input: a function that reads part of a volume (z, y, x), so that volumes need not fit in memory.
Output: centres in voxels with scores (`pick`); `scoring` compares them with the true particles.
"""
