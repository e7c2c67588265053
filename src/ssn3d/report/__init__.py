"""Report: tables and figures from the results of all other stages.

Input are the files of runs, tomograms and recovered particles (`read_runs` reads those of the
segmentation); `tables` writes CSV, Markdown, LaTeX and HTML, `figures` writes PNG and SVG.
"""
