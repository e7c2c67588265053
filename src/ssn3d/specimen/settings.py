"""The `specimen` section of the configuration."""

from typing import Literal, Self

from pydantic import Field, model_validator

from ssn3d.settings import Fraction, Settings, SizeVoxels


class SpecimenSettings(Settings):
    """Size and content of the specimen."""

    tomogram_size_voxels: SizeVoxels
    region_size_voxels: SizeVoxels
    """Particles are packed into this region; the tomogram is its middle."""
    voxel_size_angstrom: float = Field(ge=1, le=100)
    resolution_angstrom: float = Field(ge=2, le=1000)
    particles: int = Field(ge=1, le=10_000_000)
    """Number of particles packed."""
    proportions: Literal["equal", "random"]
    """Of the classes."""
    bounding_threshold_fraction: Fraction
    """Of a map's maximum."""
    mask_threshold_dalton_per_nm3: float = Field(gt=0, le=2000)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for axis, region in self.region_size_voxels:
            voxels = getattr(self.tomogram_size_voxels, axis)
            if voxels > region:
                raise ValueError(
                    f"region_size_voxels.{axis}: {region} is smaller than the tomogram ({voxels}), "
                    "which lies in it; make the region larger"
                )
        if self.resolution_angstrom < 2 * self.voxel_size_angstrom:
            raise ValueError(
                f"resolution_angstrom: {self.resolution_angstrom:g} is finer than two voxels of "
                f"{self.voxel_size_angstrom:g} angstrom"
            )
        return self
