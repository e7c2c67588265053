"""The section `find` of the configuration."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ssn3d.core.settings import Fraction, PdbId, Settings, Unique


def _in_capitals(targets: list[str]) -> list[str]:
    return [target.upper() for target in targets]


Targets = Annotated[
    list[PdbId], AfterValidator(_in_capitals), *Unique, Field(min_length=1, max_length=20)
]


class FindSettings(Settings):
    """Settings of `snakemake find`."""

    tomograms: str = Field(min_length=1)
    """Table of the tomograms to search, as `recovery.sheet`."""
    targets: Targets
    """Structures to search for; their sources are those of `structures`."""
    false_discovery_rate: Fraction
    """Expected fraction of wrong picks among those that are kept."""
