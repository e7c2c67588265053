"""Networks, their training, the unsupervised baseline, and the metrics."""
