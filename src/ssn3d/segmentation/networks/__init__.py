"""Networks: from images (n, 1, s, s, s) to logits (n, 2, s, s, s) of background and macromolecule.

`registry` builds a network by name; `ssn3d` has the paper's, `unets` two others, `plugins` those of
installed packages.
"""
