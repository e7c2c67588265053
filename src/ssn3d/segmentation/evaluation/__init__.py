"""Evaluation: predicted and true masks in; tables of scores, predictions.h5 and run.json out.

`metrics` compares masks, `run_io` reads and writes the files of a run, `steps` evaluates a trained
network, `external_masks` scores masks of other programs.
"""
