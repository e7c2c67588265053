"""Refuse a search without the section `find`."""

from ssn3d.core.errors import ConfigError
from ssn3d.core.log import job

if __name__ == "__main__":
    with job(snakemake.log[0]):
        raise ConfigError(
            "config: find: null; begin with --configfile config/varied.yaml config/find.yaml"
        )
