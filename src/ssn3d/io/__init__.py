"""Files: volumes, particle tables, CSV, STAR, HDF5, JSON and YAML, written whole or not at all.

`tomogram` and `volumes` open MRC, TIFF, EM and OME-Zarr without reading them; `mrc` reads and
writes whole arrays (z, y, x) with voxel sizes in angstrom; `particles` has tables of particles of
other programs. A file that cannot be read or written is a one-line error that names it.
"""
