"""Base class and types of the configuration's sections.

A section is a model in the settings module of its stage: the type, range and meaning of each key.
Values are in config.yaml alone: models have no defaults, except `seeds` in a row of a table and
options of sections that are null there.
`config` composes the models.
"""

from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

T = TypeVar("T")


class Settings(BaseModel):
    """A section: no unknown keys, no conversions (10.0 is not a count), no NaN, no changes.

    The string below a key describes it, also in messages. A validator of a whole section raises
    ValueError, whose message starts with the key.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )


def no_repeats(values: list[T]) -> list[T]:
    """Raise ValueError if a value is repeated in a list."""
    for place, value in enumerate(values):
        if value in values[:place]:
            raise ValueError(f"{value} is repeated; remove one")
    return values


Unique = (AfterValidator(no_repeats), Field(json_schema_extra={"uniqueItems": True}))
Device = Literal["auto", "cpu", "cuda"]
Protein = Literal["auto", "dark", "bright"]
"""Contrast of protein in a tomogram."""
Fraction = Annotated[float, Field(gt=0, lt=1)]
PdbId = Annotated[
    str,
    Field(
        pattern="^[0-9][A-Za-z0-9]{3}$",
        description="PDB ID (a digit, then three letters or digits)",
    ),
]
PdbIds = Annotated[list[PdbId], *Unique]
LengthVoxels = Annotated[int, Field(ge=16, le=8192, description="Voxels")]


class SizeVoxels(Settings):
    """The size of a volume."""

    x: LengthVoxels
    y: LengthVoxels
    z: LengthVoxels

    @property
    def zyx(self) -> tuple[int, int, int]:
        """The shape of its array."""
        return self.z, self.y, self.x
