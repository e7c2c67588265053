"""The `structures` section of the configuration."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from ssn3d.settings import PdbId, PdbIds, Settings


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
    """Where downloads come from, and how patiently; nothing here changes a result."""

    urls: list[UrlTemplate] = Field(min_length=1)
    """Tried in order."""
    obsolete_urls: list[UrlTemplate]
    """For superseded entries, tried last."""
    timeout_s: float = Field(gt=0, le=3600)
    retries: int = Field(ge=0, le=20)


class StructuresSettings(Settings):
    """Which structures, and where their coordinates come from."""

    ids: str = Field(min_length=1)
    """File of PDB IDs."""
    source: Literal["archive", "folder", "surrogate"]
    """Where coordinates come from."""
    folder: Annotated[str, Field(min_length=1)] | None
    """Folder of coordinate files, for source folder."""
    allow_surrogates: bool
    """Bead models stand in for IDs without a file."""
    unit: Literal["deposited", "biological"]
    """Asymmetric unit or first assembly."""
    biological_ids: PdbIds
    """IDs that take the biological assembly all the same"""
    archive: ArchiveSettings

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.source == "folder" and self.folder is None:
            raise ValueError("folder: source is 'folder', so name the folder of coordinate files")
        return self

    def unit_of(self, pdb_id: PdbId) -> str:
        """Which unit a structure takes."""
        return "biological" if pdb_id in self.biological_ids else self.unit
