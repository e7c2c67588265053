"""Inference: trained networks applied to subtomograms, picked particles and whole tomograms.

Input: a network placed on a device (`compute`), and subtomograms (`predict`) or a tomogram.
Output: masks of subtomograms, instance labels of picks (`instances`), or a tomogram's probabilities
and labels (`whole_tomogram`), which `tiles` computes cube by cube.
"""
