"""Search for named molecules, the targets, in tomograms for which there is no annotated data set.

The tomograms are measured; tomograms like them are simulated, with the targets among other
structures (`like_them`); a network with a class for each target is trained on these. Candidates are
peaks of a target's probability (`candidates`); their scores become probabilities by comparison with
the truth of further simulated tomograms (`calibration`).
"""
