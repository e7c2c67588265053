"""Recovery: particles of whole tomograms are picked, segmented, averaged and, if simulated, scored.

Input: a table of tomograms (`samples_table`) or simulated ones, and the section `recovery` of the
configuration (`settings`). Output: picks (`pick`) and instance labels (`segment`), an average of
all picks (`average`), and scores against the truth (`scores`).
"""
