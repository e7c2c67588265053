"""The commands of `ssn3d`, a module each with a function `run`."""
