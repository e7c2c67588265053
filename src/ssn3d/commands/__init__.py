"""The commands of `ssn3d`: one module each, with a function `run`."""
