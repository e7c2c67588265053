"""RELION's and copick's own programs find the particles where we wrote them."""

import json
import os
import shutil
import subprocess

import mrcfile
import numpy as np
import pytest
import starfile

from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.io.particles.files import read_particle_table, write_particle_table
from ssn3d.io.particles.frame import TomogramFrame
from ssn3d.io.particles.table import ParticleTable

CENTRES = np.array([[20.0, 25, 30], [40, 41, 52]])
SHAPE, VOXEL, PIXEL = (61, 70, 80), 10.0, 2.5
FRAME = TomogramFrame.of_volume(SHAPE, VOXEL, PIXEL)
COPICK_PYTHON = os.environ.get("COPICK_PYTHON", "")


def picks(tomogram):
    return ParticleTable.of_picks(tomogram, CENTRES, np.array([3.0, 2.0]))


@pytest.mark.skipif(not shutil.which("relion_preprocess"), reason="RELION is not installed")
@pytest.mark.slow
def test_relion_extracts_around_each_particle(tmp_path):
    """Single dark voxels come to lie at the middle of RELION's boxes, voxel size // 2."""
    volume = generator(0, "relion").standard_normal(SHAPE, dtype=np.float32) * 0.01
    volume[tuple(CENTRES.astype(int).T)] = -50
    write_mrc(tmp_path / "t1.mrc", volume, VOXEL)
    frame = TomogramFrame.of_volume(SHAPE, VOXEL)
    table = picks("t1.mrc")
    write_particle_table(tmp_path / "p.star", table, frame, tomogram="t1.mrc", relion=4)
    particles = starfile.read(tmp_path / "p.star")["particles"]
    starfile.write(particles, tmp_path / "t1_picks.star")  # this version reads the first block
    (tmp_path / "tomograms.star").write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnOpticsGroupName #2\n"
        "_rlnMicrographPixelSize #3\n_rlnVoltage #4\n_rlnSphericalAberration #5\n"
        "_rlnAmplitudeContrast #6\n1 opticsGroup1 10.0 300 2.7 0.1\n\n"
        "data_micrographs\n\nloop_\n_rlnMicrographName #1\n_rlnOpticsGroup #2\nt1.mrc 1\n"
    )
    (tmp_path / "out").mkdir()
    command = "relion_preprocess --i tomograms.star --coord_dir ./ --coord_suffix _picks.star "
    command += "--part_star out/p.star --part_dir out/ --extract --extract_size 16"
    subprocess.run(command.split(), cwd=tmp_path, check=True, capture_output=True)
    boxes = starfile.read(tmp_path / "out" / "p.star")["particles"]
    for name in boxes["rlnImageName"]:
        box = mrcfile.read(tmp_path / name)
        assert np.unravel_index(box.argmin(), box.shape) == (8, 8, 8)
    assert boxes["rlnAutopickFigureOfMerit"].tolist() == [3, 2]
    # what RELION writes is read again
    again = read_particle_table(tmp_path / "out" / "p.star", frame)
    np.testing.assert_allclose(again.particles.centres, CENTRES)
    assert again.scores.tolist() == [3, 2]


def asked_of_copick(script, *arguments):
    """Run a script in copick's Python; give what it prints, as JSON."""
    command = [COPICK_PYTHON, "-c", script, *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout.splitlines()[-1])


needs_copick = pytest.mark.skipif(not COPICK_PYTHON, reason="no COPICK_PYTHON, which has copick")


@needs_copick
@pytest.mark.slow
def test_copick_finds_its_layout(tmp_path):
    path = tmp_path / "ExperimentRuns" / "TS_01" / "Picks" / "ssn3d_1_ribosome.json"
    write_particle_table(path, picks("TS_01"), FRAME, tomogram="TS_01")
    ribosome = {"name": "ribosome", "is_particle": True, "label": 1}
    config = {
        "config_type": "filesystem",
        "name": "test",
        "pickable_objects": [ribosome],
        "overlay_root": f"local://{tmp_path}",
        "overlay_fs_args": {"auto_mkdir": True},
    }
    (tmp_path / "config.json").write_text(json.dumps(config))
    script = """
import copick, json, sys
root = copick.from_file(sys.argv[1])
(found,) = root.get_run("TS_01").get_picks(object_name="ribosome")
points = [[p.location.z, p.location.y, p.location.x, p.score] for p in found.points]
print(json.dumps([found.user_id, found.session_id, found.trust_orientation, points]))
"""
    user, session, oriented, points = asked_of_copick(script, tmp_path / "config.json")
    assert (user, session, oriented) == ("ssn3d", "1", False)
    np.testing.assert_allclose(points, np.column_stack([CENTRES * VOXEL, [3, 2]]))


@needs_copick
@pytest.mark.slow
@pytest.mark.parametrize("relion", [4, 5])
def test_copick_reads_our_relion_files(relion, tmp_path):
    write_particle_table(
        tmp_path / "p.star", picks("TS_01"), FRAME, tomogram="TS_01", relion=relion
    )
    x, y, z = (int(n * VOXEL / PIXEL) for n in SHAPE[::-1])
    columns = ["Name", "TiltSeriesPixelSize", "SizeX", "SizeY", "SizeZ"]
    head = "".join(f"_rlnTomo{name} #{i}\n" for i, name in enumerate(columns, 1))
    (tmp_path / "tomograms.star").write_text(
        f"data_global\n\nloop_\n{head}TS_01 {PIXEL} {x} {y} {z}\n"
    )
    script = """
import json, sys
from copick.util import formats
table, optics = formats.read_star_particles_with_optics(sys.argv[1])
tomograms = formats.read_relion_tomograms(sys.argv[2])
positions = formats.relion_coordinates_to_angstrom(table, optics=optics, tomograms=tomograms)
print(json.dumps(positions.tolist()))
"""
    xyz = asked_of_copick(script, tmp_path / "p.star", tmp_path / "tomograms.star")
    np.testing.assert_allclose(np.array(xyz)[:, ::-1], CENTRES * VOXEL, atol=1e-3)
