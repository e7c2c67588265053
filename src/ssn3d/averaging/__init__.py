"""Alignment and averaging of subtomograms with a missing wedge.

Input are a tomogram and a table of its particles; output are their average, half maps, FSC and
poses (`steps`), for each class of shapes if there are several (`classes`). Boxes are cut and masked
(`boxes`, `masks`), aligned (`align`, `refine`) and averaged (`average`).
"""
