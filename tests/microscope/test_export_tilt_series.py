"""An exported tilt series: read by others, in RELION's and IMOD's geometry, and reconstructed."""

import astra
import mrcfile
import numpy as np
import pytest
import scipy.ndimage
import starfile
from scipy.spatial.transform import Rotation

from cameras import DOSE, ERRORS
from sections import section
from ssn3d.core.seeds import generator
from ssn3d.core.settings import SizeVoxels
from ssn3d.io.files import write_json
from ssn3d.io.mrc import write_mrc
from ssn3d.microscope.acquisition import read_acquisition
from ssn3d.microscope.defocus_gradient import defocus_offsets_um, defocus_slopes
from ssn3d.microscope.export import export_tilt_series
from ssn3d.microscope.steps import image_specimen
from ssn3d.specimen.ice import slab_normal

SHAPE, VOXEL = (40, 72, 80), 10.0  # z, y, x; all even, where middles differ between programs
SIZE = SizeVoxels(x=80, y=72, z=40)
MIDDLE_XYZ = np.array([40, 36, 20])
# A microscope that only inverts the contrast.
PLAIN = {
    "device": "cpu",
    "tilt": {"step_deg": 3.0},
    "optics": {"defocus_um": 0.0, "cs_mm": 0.0, "amplitude_contrast": 1.0},
    "detector": {"mtf": "none"},
    "dose": {**DOSE, "total_e_per_angstrom2": 1.0},
}


def blurred_spots(places_zyx):
    volume = np.zeros(SHAPE, dtype=np.float32)
    volume[tuple(np.transpose(places_zyx))] = 1000
    return scipy.ndimage.gaussian_filter(volume, 2)


def exported(folder, volume, errors):
    """Image a volume, export the tilt series; give the tomogram that we reconstruct."""
    write_mrc(folder / "density.mrc", volume, VOXEL)
    names = {name: folder / f"{name}.mrc" for name in ("tilts", "signal")}
    settings = section("microscope", **PLAIN, alignment_errors=errors)
    record = folder / "acquisition.json"
    summary = {"specimen": folder / "specimen.json", "acquisition": record}
    write_json(summary["specimen"], {"numbers": {}})
    image_specimen(folder / "density.mrc", settings, 3, "t1", **summary, **names)
    given = {"optics": settings.optics, "size": SIZE}
    export_tilt_series(names["tilts"], record, folder / "export", "t1", **given)
    return mrcfile.read(names["signal"])


@pytest.fixture(scope="module")
def bead(tmp_path_factory):
    """A bead at a known place, in a misaligned tilt series."""
    folder = tmp_path_factory.mktemp("bead")
    exported(folder, blurred_spots([(27, 30, 52)]), ERRORS)
    return folder


@pytest.fixture(scope="module")
def star(bead):
    """The tables of the bead's tilts and of its series."""
    series = starfile.read(bead / "export" / "tilt_series.star", always_dict=True)["global"]
    tables = starfile.read(bead / "export" / "tilts.star", always_dict=True)
    return tables["t1"], series.iloc[0]


def relion_projections(tilts):
    """RELION 5's rotations (n, 3, 3) from tomogram to image, and shifts (n, 3), in x, y, z."""
    angles = tilts[["rlnTomoXTilt", "rlnTomoYTilt", "rlnTomoZRot"]].to_numpy()
    turns = Rotation.from_euler("xyz", angles, degrees=True).as_matrix()
    shifts = tilts[["rlnTomoXShiftAngst", "rlnTomoYShiftAngst"]].to_numpy() / VOXEL
    return turns, np.pad(shifts, [(0, 0), (0, 1)])


def test_others_read_what_is_written(bead, star):
    folder, taken = bead / "export", read_acquisition(bead / "acquisition.json")
    tilts, series = star
    np.testing.assert_allclose(np.loadtxt(folder / "tilts.rawtlt"), np.arange(-60, 61, 3))
    assert np.loadtxt(folder / "tilts.xf").shape == (41, 6)
    np.testing.assert_array_equal(
        mrcfile.read(folder / "tilts.mrcs"), mrcfile.read(bead / "tilts.mrc")
    )
    assert mrcfile.validate(folder / "tilts.mrcs")
    assert tilts["rlnMicrographName"].tolist()[::40] == ["000001@tilts.mrcs", "000041@tilts.mrcs"]
    columns = {
        "rlnMicrographPreExposure": taken.tilts.dose_before_e_per_angstrom2,
        "rlnTomoNominalStageTiltAngle": taken.tilts.angle_deg,
        "rlnDefocusU": taken.tilts.defocus_um * 1e4,
        "rlnTomoZRot": taken.alignment.rotations_deg,
    }
    for column, values in columns.items():
        np.testing.assert_allclose(tilts[column], values, atol=1e-5)
    assert series["rlnTomoTiltSeriesStarFile"] == "tilts.star"
    assert series[[f"rlnTomoSize{axis}" for axis in "XYZ"]].tolist() == [80, 72, 40]
    assert series["rlnTomoTiltSeriesPixelSize"] == VOXEL


def test_bead_is_where_relion_projects(bead, star):
    turns, shifts = relion_projections(star[0])
    expected = turns @ (np.array([52, 30, 27]) - MIDDLE_XYZ) + shifts
    for image, place in zip(mrcfile.read(bead / "export" / "tilts.mrcs"), expected, strict=True):
        bright = np.clip(-image + 0.2 * image.min(), 0, None)
        y, x = scipy.ndimage.center_of_mass(bright)
        np.testing.assert_allclose([x - 40, y - 36], place[:2], atol=0.05)


def test_defocus_gradient_matches_relion(star):
    """At a point beside the axis, whose depth RELION adds to the defocus by its `hand`."""
    tilts, series = star
    turns, _ = relion_projections(tilts)
    point = np.array([30.0, 0.0, 0.0])
    depth = (turns @ point)[:, 2] * series["rlnTomoTiltSeriesPixelSize"] * series["rlnTomoHand"]
    for tilt, theirs in zip(tilts["rlnTomoYTilt"], depth, strict=True):
        place = 40 + 30 * np.cos(np.deg2rad(tilt))
        slopes = defocus_slopes(np.array([tilt]), slab_normal(0.0, 0.0))[0]
        ours = np.interp(place, np.arange(80), defocus_offsets_um((1, 80), slopes, VOXEL)[0])
        assert ours * 1e4 == pytest.approx(theirs, abs=1e-3)


def imod_aligned(images, transforms):
    """Images by IMOD's transforms: x' = A (x - c) + d + c, with c the middle of the area."""
    middle = (np.array(images.shape[1:]) - 1) / 2  # y, x of pixel centres
    aligned = np.empty_like(images)
    for i, row in enumerate(transforms):
        back = np.linalg.inv(row[:4].reshape(2, 2))[::-1, ::-1]
        aligned[i] = scipy.ndimage.affine_transform(
            images[i], back, middle - back @ (middle + row[5:3:-1]), order=3, mode="mirror"
        )
    return aligned


def astra_tomogram(images, angles_deg):
    """Reconstruct slices by ASTRA's filtered back-projection on the CPU; its rows run down."""
    volume = astra.create_vol_geom(SHAPE[0], SHAPE[2])
    rays = astra.create_proj_geom("parallel", 1.0, SHAPE[2], np.deg2rad(angles_deg))
    projector = astra.create_projector("linear", rays, volume)
    source, target = astra.data2d.create("-sino", rays), astra.data2d.create("-vol", volume)
    ids = {"ProjectorId": projector, "ProjectionDataId": source, "ReconstructionDataId": target}
    algorithm = astra.algorithm.create({"type": "FBP", **ids})
    tomogram = np.empty(SHAPE, dtype=np.float32)
    for y in range(SHAPE[1]):
        astra.data2d.store(source, np.ascontiguousarray(images[:, y]))
        astra.algorithm.run(algorithm)
        tomogram[:, y] = astra.data2d.get(target)[::-1]
    astra.clear()
    return tomogram


def correlation(one, other):
    inside = (slice(8, -8),) * 3
    return np.corrcoef(one[inside].ravel(), other[inside].ravel())[0, 1]


@pytest.mark.parametrize("errors", [None, ERRORS])
def test_astra_reconstructs_the_export(tmp_path, errors):
    """By .rawtlt and .xf alone, it undoes the errors that our reconstruction does not know."""
    places = generator(0, "spots").integers((12, 16, 20), (28, 56, 60), (14, 3))
    ours = exported(tmp_path, blurred_spots(places), errors)
    (tmp_path / "right").mkdir()
    right = exported(tmp_path / "right", blurred_spots(places), None)
    folder = tmp_path / "export"
    images = imod_aligned(mrcfile.read(folder / "tilts.mrcs"), np.loadtxt(folder / "tilts.xf"))
    theirs = astra_tomogram(images, np.loadtxt(folder / "tilts.rawtlt"))
    half = scipy.ndimage.shift(right, (-0.5, 0, -0.5))  # their voxel i is at i + 1/2 of ours
    assert correlation(theirs, half) > 0.995
    assert correlation(theirs, right) < correlation(theirs, half) - 0.01
    assert (correlation(ours, right) > 0.999) == (errors is None)
    if errors:
        assert correlation(ours, right) < 0.9
