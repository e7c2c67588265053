"""The `structures` section of the configuration."""

from collections.abc import Sequence
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ssn3d.core.ranges import OrRange
from ssn3d.core.settings import PdbId, PdbIds, Settings
from ssn3d.structures.ids import MOST_RANDOM, random_ids


def entry_url(template: str, pdb_id: str) -> str:
    """Fill in {ID}, {id} (lower case) and {mid} (its middle two letters) in a URL."""
    return template.format(ID=pdb_id, id=pdb_id.lower(), mid=pdb_id.lower()[1:3])


def _check_template(template: str) -> str:
    """Raise ValueError unless a template gives the URL of an entry."""
    try:
        url = urlsplit(entry_url(template, "1ABC"))
    except (AttributeError, KeyError, IndexError, ValueError):
        url = urlsplit("")
    if url.scheme not in {"http", "https"} or "1abc" not in url.path.lower():
        raise ValueError(
            f"{template!r} is not an http(s) URL with {{ID}} or {{id}} (lower case), and perhaps "
            "{mid}"
        )
    return template


UrlTemplate = Annotated[str, AfterValidator(_check_template)]


class ArchiveSettings(Settings):
    """Source and patience of downloads; nothing here changes a result."""

    urls: list[UrlTemplate] = Field(min_length=1)
    """URLs of an entry, tried in order."""
    obsolete_urls: list[UrlTemplate]
    """URLs of superseded entries, tried last."""
    timeout_s: float = Field(gt=0, le=3600)
    retries: int = Field(ge=0, le=20)


class MapSettings(Settings):
    """A density map in place of coordinates."""

    id: PdbId
    file: str = Field(min_length=1)
    """MRC file."""
    threshold: float = Field(gt=0)
    """Smallest value of a voxel that belongs to the structure."""
    mass_dalton: Annotated[float, Field(ge=1000, le=1e9)] | None
    """Mass of the whole, or null for that of protein in the volume above the threshold."""


class RandomSettings(Settings):
    """Random bead models, IDs 0R00, 0R01, ..."""

    count: int = Field(ge=1, le=MOST_RANDOM)
    """Number of shapes."""
    mass_dalton: OrRange[Annotated[float, Field(ge=5e3, le=2e7)]]
    """Mass, or the range from which masses are drawn, uniformly on a logarithmic scale."""


class StructuresSettings(Settings):
    """The structures, and the sources of their coordinates."""

    ids: Annotated[str, Field(min_length=1)] | None
    """File of PDB IDs, or null if all structures are random shapes."""
    source: Literal["archive", "folder", "surrogate"]
    """Source of coordinates."""
    folder: Annotated[str, Field(min_length=1)] | None
    """Folder of coordinate files, for source folder."""
    allow_surrogates: bool
    """Bead models stand in for IDs without a file."""
    unit: Literal["deposited", "biological"]
    """Asymmetric unit or first assembly."""
    biological_ids: PdbIds
    """IDs that take the biological assembly whatever the unit."""
    contrast: Literal["mass", "scattering"]
    """Contrast of nucleic acid relative to protein: by mass, or by scattering in excess of ice."""
    maps: list[MapSettings]
    """Density maps in place of coordinates."""
    random: RandomSettings | None
    """Random bead models besides the structures of `ids`."""
    per_tomogram: OrRange[Annotated[int, Field(ge=1)]] | None
    """Number of structures drawn at random for each tomogram, snr.reference_id among them, or null
    for all."""
    archive: ArchiveSettings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source == "folder" and self.folder is None:
            raise ValueError("folder: source is 'folder', so name the folder of coordinate files")
        if self.ids is None and self.random is None:
            raise ValueError("ids: null needs random shapes (structures.random)")
        ids = [row.id for row in self.maps]
        for place, pdb_id in enumerate(ids):
            if pdb_id in ids[:place]:
                raise ValueError(f"maps.{place}.id: {pdb_id} has a map already; keep one")
        return self

    @property
    def random_ids(self) -> list[PdbId]:
        """IDs of the random shapes."""
        return random_ids(self.random.count) if self.random else []

    def unit_of(self, pdb_id: PdbId) -> str:
        """Unit of a structure."""
        return "biological" if pdb_id in self.biological_ids else self.unit

    def from_coordinates(self, pdb_ids: Sequence[PdbId]) -> list[PdbId]:
        """Structures that are not given as maps."""
        mapped = {row.id for row in self.maps}
        return [pdb_id for pdb_id in pdb_ids if pdb_id not in mapped]
