"""A crowded volume of macromolecules, and its ground truth."""
