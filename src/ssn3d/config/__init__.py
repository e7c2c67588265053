"""The configuration: YAML files in, one checked model `Config` out, or a one-line error."""
