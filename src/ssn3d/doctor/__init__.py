"""The `ssn3d doctor` report: machine, settings and results in, lines of text out."""
