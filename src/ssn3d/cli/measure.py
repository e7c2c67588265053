import argparse

from ssn3d.cli import options

DESCRIPTION = "measure a tomogram, and write the settings of a simulation like it"
EXAMPLE = "ssn3d measure tomogram.mrc --output measured --tilts -60 60"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("tomogram", help="MRC, TIFF, EM or OME-Zarr, of any contrast; tilt axis along y")
    outputs = "folder for report.md, picture.png, measurements.json and like_it.yaml"
    add("--output", required=True, metavar="FOLDER", help=outputs)
    tilts = "lowest and highest tilt, compared with those that the spectrum shows"
    add("--tilts", nargs=2, type=options.tilt_deg, metavar="DEG", help=tilts)
    voltage = "voltage in kV, for the defocus (default 300)"
    add("--voltage", type=options.voltage_kv, default=300.0, metavar="KV", help=voltage)
    cs = "spherical aberration in mm, for the defocus (default 2.7)"
    add("--cs", type=options.cs_mm, default=2.7, metavar="MM", help=cs)
    options.add_voxel_size_and_contrast(add)


def run(arguments: argparse.Namespace) -> None:
    from ssn3d.measure.report import report
    from ssn3d.measure.steps import measure_tomogram
    from ssn3d.microscope.settings import Optics

    optics = Optics(
        voltage_kv=arguments.voltage,
        cs_mm=arguments.cs,
        defocus_um=0.0,
        defocus_sd_um=0.0,
        defocus_across_field=False,
        amplitude_contrast=0.07,
    )
    found = measure_tomogram(
        arguments.tomogram,
        arguments.output,
        optics=optics,
        tilt_range_deg=None if arguments.tilts is None else tuple(arguments.tilts),
        voxel_size_angstrom=arguments.voxel_size,
        protein=arguments.protein,
    )
    print(report(found), end="")
