# Too short for a cluster's queue.
localrules:
    select_particles,
    split_dataset,


rule select_particles:
    input:
        particles=of_tomograms("particles.star"),
    output:
        "results/subtomograms/selection.csv",
    log:
        "logs/select_particles.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        tomograms=TOMOGRAMS,
        shape=lookup(within=config, dpath="specimen/tomogram_size_voxels"),
        settings=lookup(within=config, dpath="subtomograms"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("select_particles"),
    script:
        "../scripts/select_particles.py"


rule extract_subtomograms:
    input:
        selection="results/subtomograms/selection.csv",
        tomograms=of_tomograms("{{dataset}}.mrc"),
        labels=of_tomograms("labels.mrc"),
        particles=of_tomograms("particles.star"),
        summaries=of_tomograms("{{dataset}}.json"),
        structures=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
    output:
        "results/subtomograms/{dataset}.h5",
    log:
        "logs/extract_subtomograms/{dataset}.log",
    benchmark:
        "results/benchmarks/extract_subtomograms/{dataset}.tsv"
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=more_each_attempt(DATASET_MB + 6 * VOXELS / 1e6),  # one tomogram at a time
        runtime=more_each_attempt(30),
    params:
        names=TOMOGRAMS,
        size_voxels=lookup(within=config, dpath="subtomograms/size_voxels"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("extract_subtomograms"),
    script:
        "../scripts/extract_subtomograms.py"


rule split_dataset:
    input:
        "results/subtomograms/selection.csv",
    output:
        "results/splits/{split}.csv",
    log:
        "logs/split_dataset/{split}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        settings=lookup(within=config, dpath="splits"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("split_dataset"),
    script:
        "../scripts/split_dataset.py"


rule export_subtomograms:
    input:
        "results/subtomograms/{dataset}.h5",
    output:
        star="results/export/{dataset}_{pdb_id}/particles.star",
        images=directory("results/export/{dataset}_{pdb_id}/subtomograms"),
    log:
        "logs/export_subtomograms/{dataset}_{pdb_id}.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=more_each_attempt(DATASET_MB),
    params:
        optics=lookup(within=config, dpath="microscope/optics"),
        code=library_version("export_subtomograms"),
    script:
        "../scripts/export_subtomograms.py"
