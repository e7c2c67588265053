# On a cluster this runs where Snakemake does: compute nodes may have no way to the archive.
localrules:
    prepare_structures,


rule prepare_structures:
    input:
        ids=IDS_FILE,
        files=COORDINATE_FILES,
    output:
        points=expand("results/structures/{pdb_id}.npz", pdb_id=PDB_IDS),
        records=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
    log:
        "logs/prepare_structures.log",
    benchmark:
        "results/benchmarks/prepare_structures.tsv"
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=PDB_IDS,
        settings=lookup(within=config, dpath="structures"),
        resources=str(RESOURCES),
        code=library_version("prepare_structures"),
    script:
        "../scripts/prepare_structures.py"
