# Addresses and patience of the archive, and what a tomogram draws.
NO_CHANGE = {"archive", "per_tomogram"}


# On a cluster this runs where Snakemake does: compute nodes may have no way to the archive.
rule prepare_structures:
    input:
        ids=IDS_FILE,
        files=STRUCTURE_FILES,
        complexes=users_file("resources/complexes.tsv"),
        obsolete=users_file("resources/obsolete.tsv"),
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
        pdb_ids=LISTED_IDS,
        # These change no structure, so no job runs for them.
        settings={
            k: config["structures"][k]
            for k in config["structures"]
            if k not in NO_CHANGE
        },
        seed=config["seed"] if config["structures"]["random"] else None,
        code=library_version("prepare_structures"),
    script:
        "../scripts/prepare_structures.py"
