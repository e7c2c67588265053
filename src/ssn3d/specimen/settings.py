"""The `specimen` section of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ssn3d.core.ranges import OrRange
from ssn3d.core.settings import Fraction, Settings, SizeVoxels

Count = Annotated[int, Field(ge=0, le=10_000)]
LengthOrRange = OrRange[Annotated[float, Field(ge=10, le=1e5)]]
TiltOrRange = OrRange[Annotated[float, Field(ge=-45, le=45)]]


class FiducialsSettings(Settings):
    """Gold beads."""

    count: Count
    """Number of beads, their centres in the tomogram."""
    diameter_angstrom: LengthOrRange
    """Diameter of each bead."""


class VesiclesSettings(Settings):
    """Closed membranes."""

    count: Count
    """Number of vesicles, their centres in the tomogram."""
    radius_angstrom: LengthOrRange
    """Mean radius of each vesicle, to the middle of the bilayer."""
    deformation_fraction: float = Field(ge=0, le=0.2)
    """Standard deviation of the distance from centre to membrane, relative to the radius."""
    thickness_angstrom: float = Field(ge=20, le=80)
    """Thickness of the bilayer, between its two layers of head groups."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        radius = self.radius_angstrom
        least = radius[0] if isinstance(radius, list) else radius
        if least < 2 * self.thickness_angstrom:
            raise ValueError(
                f"radius_angstrom: {least:g} is less than two bilayers (thickness_angstrom: "
                f"{self.thickness_angstrom:g})"
            )
        return self


class FilamentsSettings(Settings):
    """Filaments of the cytoskeleton."""

    actin: Count
    """Number of actin filaments, their middles in the tomogram."""
    microtubules: Count
    """Number of microtubules, their middles in the tomogram."""
    length_angstrom: LengthOrRange
    """Length of each filament."""


class IceSettings(Settings):
    """The slab that holds the specimen."""

    thickness_angstrom: LengthOrRange
    """Thickness from face to face."""
    tilt_about_x_deg: TiltOrRange
    """Tilt of the slab about x, by the right-hand rule."""
    tilt_about_y_deg: TiltOrRange
    """Tilt of the slab about y, the tilt axis, by the right-hand rule."""


class SpecimenSettings(Settings):
    """Size and content of the specimen."""

    tomogram_size_voxels: SizeVoxels
    region_size_voxels: SizeVoxels
    """Particles are packed into this region; the tomogram is its middle."""
    voxel_size_angstrom: float = Field(ge=1, le=100)
    resolution_angstrom: float = Field(ge=2, le=1000)
    particles: OrRange[Annotated[int, Field(ge=1, le=10_000_000)]]
    """Number of particles packed."""
    proportions: Literal["equal", "random"]
    """Proportions of the classes."""
    bounding_threshold_fraction: Fraction
    """Threshold of the bounding sphere, relative to the maximum of the density map."""
    mask_threshold_dalton_per_nm3: float = Field(gt=0, le=2000)
    fiducials: FiducialsSettings | None
    vesicles: VesiclesSettings | None
    filaments: FilamentsSettings | None
    ice: IceSettings | None
    """Slab of ice; without it, the specimen fills the region."""

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
