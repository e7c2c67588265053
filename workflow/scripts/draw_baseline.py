"""Draw how the baseline works, and where it fails."""
