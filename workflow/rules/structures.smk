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
