"""The `specimen` section of the configuration."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ssn3d.core.ranges import OrRange, highest, lowest
from ssn3d.core.settings import Fraction, Settings, SizeVoxels

Count = OrRange[Annotated[int, Field(ge=0, le=10_000)]]
Length = Annotated[float, Field(ge=10, le=1e5)]
LengthOrRange = OrRange[Length]
TiltOrRange = OrRange[Annotated[float, Field(ge=-45, le=45)]]
Thickness = Annotated[float, Field(ge=20, le=80)]
Spacing = OrRange[Annotated[float, Field(ge=50, le=1000)]]
DensityOrRange = OrRange[Annotated[float, Field(ge=0, le=5000)]]
Place = Literal["inside", "surface"]


class FiducialsSettings(Settings):
    """Gold beads."""

    count: Count
    """Number of beads, their centres in the tomogram."""
    diameter_angstrom: LengthOrRange
    """Diameter of each bead."""
    contrast: OrRange[Annotated[float, Field(gt=0, le=20)]] = 1.0
    """Contrast of gold, relative to its weak-phase contrast; one value for all beads."""
    place: Place = "inside"
    """Place of the beads: inside the ice, or across a face (without ice, the outermost planes)."""


class VesiclesSettings(Settings):
    """Closed membranes."""

    count: Count
    """Number of vesicles, their centres in the tomogram."""
    radius_angstrom: LengthOrRange
    """Mean radius of each vesicle, to the middle of the bilayer."""
    deformation_fraction: float = Field(ge=0, le=0.2)
    """Standard deviation of the distance from centre to membrane, relative to the radius."""
    thickness_angstrom: Thickness
    """Thickness of the bilayer, between its two layers of head groups."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        least = lowest(self.radius_angstrom)
        if least < 2 * self.thickness_angstrom:
            raise ValueError(
                f"radius_angstrom: {least:g} is less than two bilayers (thickness_angstrom: "
                f"{self.thickness_angstrom:g})"
            )
        return self


class OrganellesSettings(Settings):
    """Closed double membranes; the faces of the ice may cut them."""

    count: Count
    """Number of organelles, their centres in the tomogram."""
    radius_angstrom: OrRange[Annotated[float, Field(ge=10, le=10_000)]]
    """Mean radius of each organelle, to the middle of the outer bilayer."""
    deformation_fraction: float = Field(ge=0, le=0.2)
    """Standard deviation of the distance from centre to membrane, relative to the radius."""
    spacing_angstrom: Spacing
    """Distance between the middles of the two bilayers."""
    thickness_angstrom: Thickness
    """Thickness of each bilayer, between its two layers of head groups."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        least, spacing = lowest(self.radius_angstrom), highest(self.spacing_angstrom)
        if least < 3 * spacing:
            raise ValueError(
                f"radius_angstrom: {least:g} is less than three times the space between the "
                f"bilayers (spacing_angstrom: {spacing:g})"
            )
        return self


class SheetsSettings(Settings):
    """Open membranes that cross the tomogram; the faces of the ice cut them."""

    count: Count
    """Number of sheets, a double membrane being one."""
    double_fraction: OrRange[Annotated[float, Field(ge=0, le=1)]]
    """Probability that a sheet is a double membrane."""
    spacing_angstrom: Spacing
    """Distance between the middles of the two bilayers of a double membrane."""
    undulation_angstrom: OrRange[Annotated[float, Field(ge=0, le=300)]]
    """Standard deviation of each sheet from a plane."""
    thickness_angstrom: Thickness
    """Thickness of each bilayer, between its two layers of head groups."""


class MembraneProteinsSettings(Settings):
    """Particles of the structures in sheets, organelles and vesicles, oriented at random."""

    density_per_um2: OrRange[Annotated[float, Field(ge=0, le=20_000)]]
    """Number per area of bilayer, less those that would overlap."""
    largest_dalton: float = Field(gt=0)
    """Mass of the largest structure that may be set into membranes."""


class SmallProteinsSettings(Settings):
    """Unlabelled small proteins, anywhere in the ice."""

    concentration_per_um3: OrRange[Annotated[float, Field(ge=0, le=2e7)]]
    """Number per volume of ice."""
    mass_dalton: OrRange[Annotated[float, Field(ge=1000, le=200_000)]]
    """Mass of each protein."""


class DirtSettings(Settings):
    """Lumps of crystalline ice and other contamination."""

    count: Count
    """Number of lumps."""
    diameter_angstrom: LengthOrRange
    """Mean diameter of each lump."""
    contrast_dalton_per_nm3: DensityOrRange
    """Contrast of each lump against vitreous ice, in dalton of protein; that of protein is 826."""
    place: Place
    """Place of the lumps: inside the ice, or on a face (without ice, the outermost planes)."""


class CarbonSettings(Settings):
    """A film of amorphous carbon that ends at the edge of a hole."""

    count: OrRange[Annotated[int, Field(ge=0, le=1)]]
    """Number of films, 0 or 1."""
    thickness_angstrom: LengthOrRange
    """Thickness of the film."""
    hole_radius_angstrom: OrRange[Annotated[float, Field(ge=500, le=1e6)]] | None
    """Radius of the hole; null: a straight edge."""
    place: Literal["face", "middle"]
    """Place of the film: along a face of the ice, inside it, or in its middle plane."""


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
    contrast_dalton_per_nm3: DensityOrRange | None = None
    """Density added inside the slab, in dalton of protein, so that it differs from vacuum."""


class SpecimenSettings(Settings):
    """Size and content of the specimen."""

    tomogram_size_voxels: SizeVoxels
    region_size_voxels: SizeVoxels
    """Particles are packed into this region; the tomogram is its middle."""
    voxel_size_angstrom: float = Field(ge=1, le=100)
    resolution_angstrom: OrRange[Annotated[float, Field(ge=2, le=1000)]]
    """Two standard deviations of the blur in 3-D."""
    particles: OrRange[Annotated[int, Field(ge=1, le=10_000_000)]]
    """Number of particles packed; of a range, as many as fit, in a quarter of the region or ice."""
    proportions: Literal["equal", "random"]
    """Proportions of the classes."""
    bounding_threshold_fraction: Fraction
    """Threshold of the bounding sphere, relative to the maximum of the density map."""
    mask_threshold_dalton_per_nm3: float = Field(gt=0, le=2000)
    fiducials: FiducialsSettings | None
    vesicles: VesiclesSettings | None
    organelles: OrganellesSettings | None
    sheets: SheetsSettings | None
    membrane_proteins: MembraneProteinsSettings | None
    filaments: FilamentsSettings | None
    small_proteins: SmallProteinsSettings | None
    dirt: DirtSettings | None
    carbon: CarbonSettings | None
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
        finest = lowest(self.resolution_angstrom)
        if finest < 2 * self.voxel_size_angstrom:
            raise ValueError(
                f"resolution_angstrom: {finest:g} is finer than two voxels of "
                f"{self.voxel_size_angstrom:g} angstrom"
            )
        return self
