"""What simulating tomograms depends on: the user's files, and the settings of noise."""

from ssn3d.microscope.detector_table import read_detector_table
from ssn3d.structures.ids import ids_in_tomogram
from ssn3d.structures.map_file import map_files
from ssn3d.structures.sources import find_sources


def folder_files(structures, pdb_ids):
    """Coordinate files of the user's folder, and the index that assigns them, if there is one."""
    if structures["source"] != "folder":
        return []
    folder, allow = structures["folder"], structures["allow_surrogates"]
    found = find_sources(pdb_ids, "folder", folder, allow_surrogates=allow)
    files = [source.path for source in found.values() if source.path]
    return [users_file(path) for path in [*files, *Path(folder).glob("index.tsv")]]


with one_line_errors():
    from_coordinates = checked.structures.from_coordinates(LISTED_IDS)
    STRUCTURE_FILES = folder_files(config["structures"], from_coordinates)
    STRUCTURE_FILES += map(users_file, map_files(checked.structures))


# Settings of tomograms like those measured, which come before those of the configuration.
SIMULATION = "results/find/simulation.json" if TARGETS else []


def structures_in(wildcards):
    """List the structures of a tomogram."""
    return ids_in_tomogram(
        PDB_IDS,
        checked.structures.per_tomogram,
        checked.snr.reference_id,
        checked.seed,
        wildcards.tomogram,
        targets=TARGETS,
    )


def detector_tables(detector):
    """The file of a detector's MTF, if it is a table, which is checked; a list of one or none."""
    if not isinstance(detector["mtf"], dict):
        return []
    path = users_file(detector["mtf"]["file"])
    read_detector_table(path, detector["mtf"]["binning"])
    return [path]


with one_line_errors():
    DETECTOR_TABLES = detector_tables(config["microscope"]["detector"])


HALF_TOMOGRAMS = {
    half: f"results/tomograms/{{tomogram}}/{{dataset}}_{half}.mrc"
    for half in ("even", "odd")
    if config["microscope"]["half_tomograms"]
}


def settings_of_noise(wildcards):
    """Collect what the noise of a dataset depends on."""
    return {
        "microscope": config["microscope"],
        "reference": {k: v for k, v in config["snr"].items() if k != "datasets"},
        "size_voxels": config["subtomograms"]["size_voxels"],
        "target": next(
            row["snr"]
            for row in config["snr"]["datasets"]
            if row["name"] == wildcards.dataset
        ),
        "seed": config["seed"],
    }
