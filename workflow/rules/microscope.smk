rule image_specimen:
    input:
        "results/tomograms/{tomogram}/density.mrc",
    output:
        tilts=volume("results/tomograms/{tomogram}/tilts.mrc"),
        signal=volume("results/tomograms/{tomogram}/signal.mrc"),
    log:
        "logs/image_specimen/{tomogram}.log",
    benchmark:
        "results/benchmarks/image_specimen/{tomogram}.tsv"
    conda:
        environment(config["microscope"]["device"])
    threads: JOB_THREADS
    resources:
        mem_mb=more_each_attempt(TOMOGRAM_MB),
        runtime=more_each_attempt(30),
    params:
        settings=lookup(within=config, dpath="microscope"),
        code=library_version("image_specimen"),
    script:
        "../scripts/image_specimen.py"


rule add_noise:
    input:
        signal="results/tomograms/{tomogram}/signal.mrc",
        tilts="results/tomograms/{tomogram}/tilts.mrc",
        particles="results/tomograms/{tomogram}/particles.star",
        specimen="results/tomograms/{tomogram}/specimen.json",
    output:
        tomogram=volume("results/tomograms/{tomogram}/{dataset}.mrc"),
        tilts=volume("results/tomograms/{tomogram}/{dataset}_tilts.mrc"),
        summary="results/tomograms/{tomogram}/{dataset}.json",
    log:
        "logs/add_noise/{tomogram}_{dataset}.log",
    benchmark:
        "results/benchmarks/add_noise/{tomogram}_{dataset}.tsv"
    conda:
        environment(config["microscope"]["device"])
    threads: JOB_THREADS
    resources:
        mem_mb=more_each_attempt(TOMOGRAM_MB),
        runtime=more_each_attempt(30),
    params:
        settings=lookup(within=config, dpath="microscope"),
        reference={k: v for k, v in config["snr"].items() if k != "datasets"},
        size_voxels=lookup(within=config, dpath="subtomograms/size_voxels"),
        target=lambda wildcards: SNRS[wildcards.dataset],
        seed=lookup(within=config, dpath="seed"),
        code=library_version("add_noise"),
    script:
        "../scripts/add_noise.py"
