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
    from_coordinates = checked.structures.from_coordinates(PDB_IDS)
    STRUCTURE_FILES = folder_files(config["structures"], from_coordinates)
    STRUCTURE_FILES += map(users_file, map_files(checked.structures))


# On a cluster this runs where Snakemake does: compute nodes may have no way to the archive.
rule prepare_structures:
    input:
        ids=IDS_FILE,
        files=STRUCTURE_FILES,
        complexes=resource("complexes.tsv"),
        obsolete=resource("obsolete.tsv"),
    output:
        points=expand("results/structures/{pdb_id}.npz", pdb_id=PDB_IDS),
        records=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
    log:
        "logs/prepare_structures.log",
    benchmark:
        "results/benchmarks/prepare_structures.tsv"
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=PDB_IDS,
        # The archive's addresses and patience change no structure, so no job runs for them.
        settings={k: v for k, v in config["structures"].items() if k != "archive"},
        code=library_version("prepare_structures"),
    script:
        "../scripts/prepare_structures.py"
