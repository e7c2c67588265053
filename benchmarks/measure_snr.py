"""SNR that `ssn3d measure` estimates on simulated tomograms of known SNR, and their ratio.

    python benchmarks/measure_snr.py

The tomograms differ in crowding, defocus, tilts, ice and voxel size; the constants of
`ssn3d.measure.snr` were fitted to such tomograms.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from ssn3d.config.experiment import Config, check_config, load_config
from ssn3d.core.device import pick_device
from ssn3d.core.errors import SNRError
from ssn3d.core.seeds import generator
from ssn3d.io.mrc import write_mrc
from ssn3d.io.tomogram import open_tomogram
from ssn3d.measure.measurements import measure
from ssn3d.microscope.acquisition import sample_acquisition
from ssn3d.microscope.detector import Camera
from ssn3d.microscope.noise_scale import NoiseScale
from ssn3d.microscope.projector import Projector
from ssn3d.microscope.reconstruct import reconstruct
from ssn3d.microscope.snr import reference_particles
from ssn3d.specimen.build import build_specimen
from ssn3d.specimen.volume import PointMasses
from ssn3d.structures.complexes import read_complexes
from ssn3d.structures.surrogates import surrogate

SNRS = (0.5, 0.2, 0.06, 0.01, 0.005)


@dataclass
class Case:
    """What differs between tomograms."""

    particles: int
    defocus_um: float = 5.0
    tilts: tuple[float, float] = (-60.0, 60.0)
    ice_angstrom: float | None = None
    voxel_size_angstrom: float = 10.0


CASES = (
    Case(240),
    Case(120),
    Case(240, defocus_um=3.0),
    Case(150, defocus_um=7.0, tilts=(-54.0, 54.0), ice_angstrom=700.0),
    Case(220, tilts=(-42.0, 63.0)),
    Case(300, voxel_size_angstrom=13.0),
)


def simulate(
    case: Case, config: Config, points: Mapping[str, PointMasses]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NoiseScale]:
    """Simulate a tomogram without noise, and its noise of scale 1; give the model of its SNR."""
    content = config.model_dump()
    content["specimen"] |= {
        "tomogram_size_voxels": {"x": 192, "y": 192, "z": 96},
        "region_size_voxels": {"x": 232, "y": 232, "z": 136},
        "particles": case.particles,
        "voxel_size_angstrom": case.voxel_size_angstrom,
        "resolution_angstrom": 4 * case.voxel_size_angstrom,
    }
    if case.ice_angstrom is not None:
        flat = {"tilt_about_x_deg": 0.0, "tilt_about_y_deg": 0.0}
        content["specimen"]["ice"] = {"thickness_angstrom": case.ice_angstrom, **flat}
    low, high = case.tilts
    content["microscope"]["tilt"] |= {"min_deg": low, "max_deg": high, "step_deg": 3.0}
    content["microscope"]["optics"]["defocus_um"] = case.defocus_um
    config, rng = check_config(content), generator(1, "measure", str(case))
    specimen, microscope = build_specimen(points, config.specimen, rng), config.microscope
    projector = Projector(96, 192, microscope.tilt.angles_deg, pick_device("cpu"))
    taken = sample_acquisition(microscope, 1, "measure")
    optics, size = (microscope.optics, microscope.detector, taken), case.voxel_size_angstrom
    camera = Camera(*optics, size, projector.device)
    images = camera.image(projector.project(specimen.density - specimen.density.mean()))
    signal = reconstruct(images, projector, 3.0)
    noise = reconstruct(camera.unit_noise((192, 192), rng), projector, 3.0)
    cube = 2 * round(200 / size)
    reference = reference_particles(specimen.particles, config.snr, cube, signal.shape)
    return signal, noise, NoiseScale(signal, noise, reference, np.ones((cube,) * 3, dtype=bool))


def main() -> None:
    """Print a line for each tomogram and SNR."""
    config = load_config("config.yaml")
    complexes = read_complexes("resources/complexes.tsv")
    models = [surrogate(pdb_id, complexes) for pdb_id in ("1KP8", "2GLS", "1W6T")]
    points = {model.pdb_id: (model.points_angstrom, model.masses_dalton) for model in models}
    ratios = []
    with TemporaryDirectory() as folder:
        for case in CASES:
            signal, noise, model = simulate(case, config, points)
            print(f"{case}: {model.snr(0):.2f} without noise")
            for snr in SNRS:
                try:
                    volume = signal + np.float32(model.solve(snr)) * noise
                except SNRError as error:
                    print(f"  {snr:g}: {error}")
                    continue
                path = Path(folder) / "t.mrc"
                write_mrc(path, volume, case.voxel_size_angstrom)
                found = measure(open_tomogram(path), config.microscope.optics).snr
                if found is None:
                    print(f"  {snr:g}: not seen")
                    continue
                ratios.append(found.snr / snr)
                print(f"  {snr:g}: {found.snr:.4f}, {ratios[-1]:.2f} times as high", flush=True)
    errors = np.exp(np.abs(np.log(ratios)))
    print(f"{len(ratios)} tomograms: largest error a factor of {errors.max():.2f}")


if __name__ == "__main__":
    main()
