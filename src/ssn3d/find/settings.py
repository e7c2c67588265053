"""The section `find` of the configuration."""

from typing import Annotated

from pydantic import Field

from ssn3d.core.settings import Fraction, PdbId, Settings, Unique


class FindSettings(Settings):
    """Settings of `snakemake find`."""

    tomograms: str = Field(min_length=1)
    """Table of the tomograms to search, as `recovery.sheet`."""
    targets: Annotated[list[PdbId], *Unique, Field(min_length=1, max_length=20)]
    """Structures to search for; their sources are those of `structures`."""
    false_discovery_rate: Fraction
    """Expected fraction of wrong picks among those that are kept."""

    @property
    def target_ids(self) -> list[str]:
        """The targets in capitals."""
        return [target.upper() for target in self.targets]
