rule extract_subtomograms:
    input:
        tomogram="results/tomograms/{tomogram}/{dataset}.mrc",
        labels=LABELS,
        particles="results/tomograms/{tomogram}/particles.star",
        summary="results/tomograms/{tomogram}/{dataset}.json",
        specimen="results/tomograms/{tomogram}/specimen.json",
        ground="results/tomograms/{tomogram}/ground.star",
    output:
        "results/subtomograms/{dataset}/{tomogram}.h5",
    log:
        "logs/extract_subtomograms/{tomogram}_{dataset}.log",
    benchmark:
        "results/benchmarks/extract_subtomograms/{tomogram}_{dataset}.tsv"
    conda:
        "../../envs/cpu.yaml"
    resources:
        **TOMOGRAM_RESOURCES,
    params:
        settings=lambda w: checked.subtomograms.of(w.tomogram).model_dump(),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("extract_subtomograms"),
    script:
        "../scripts/extract_subtomograms.py"


rule split_dataset:
    input:
        particles=expand(
            "results/tomograms/{tomogram}/particles.star",
            tomogram=EVERY,
        ),
    output:
        "results/splits/{split}.csv",
    log:
        "logs/split_dataset/{split}.log",
    localrule: True  # too short for a cluster's queue
    conda:
        "../../envs/cpu.yaml"
    params:
        tomograms=EVERY,
        shape=lookup(within=config, dpath="specimen/tomogram_size_voxels"),
        subtomograms=lookup(within=config, dpath="subtomograms"),
        settings=lookup(within=config, dpath="splits"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("split_dataset"),
    script:
        "../scripts/split_dataset.py"


rule export_subtomograms:
    input:
        shards(TOMOGRAMS),
    output:
        star="results/export/{dataset}_{pdb_id}/particles.star",
        images=directory("results/export/{dataset}_{pdb_id}/subtomograms"),
    log:
        "logs/export_subtomograms/{dataset}_{pdb_id}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        optics=lookup(within=config, dpath="microscope/optics"),
        code=library_version("export_subtomograms"),
    script:
        "../scripts/export_subtomograms.py"
