"""Search for named molecules, the targets, in tomograms for which there is no annotated data set.

The tomograms are measured, and their SNR (`snr`); tomograms like them are simulated, with the
targets among other structures (`like_them`, `simulation`). In all of them, candidates for each
target are compared with its map (`candidates`, `templates`) and with the other targets (`rivals`).
Where the particles are known, scores become probabilities (`calibration`), and elsewhere picks
(`picks`).
"""
