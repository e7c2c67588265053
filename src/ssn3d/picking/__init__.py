"""Stage: particles in a tomogram, found without a reference or in a segmentation, and scored."""
