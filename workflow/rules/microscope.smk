# The SNR is that of macromolecules in a band, which the labels tell from other objects.
IN_A_BAND = SIMULATION or checked.snr.reference_id == "band"


rule image_specimen:
    input:
        density="results/tomograms/{tomogram}/density.mrc",
        specimen="results/tomograms/{tomogram}/specimen.json",
        detector_tables=DETECTOR_TABLES,
        simulation=SIMULATION,
    output:
        tilts=volume("results/tomograms/{tomogram}/tilts.mrc"),
        signal=volume("results/tomograms/{tomogram}/signal.mrc"),
        acquisition="results/tomograms/{tomogram}/acquisition.json",
    log:
        "logs/image_specimen/{tomogram}.log",
    benchmark:
        "results/benchmarks/image_specimen/{tomogram}.tsv"
    conda:
        environment(config["microscope"]["device"])
    threads: JOB_THREADS
    resources:
        **TOMOGRAM_RESOURCES,
    params:
        # What is done to noisy tomograms changes nothing here.
        settings={**config["microscope"], "half_tomograms": False, "finish": None},
        seed=lookup(within=config, dpath="seed"),
        code=library_version("image_specimen"),
    script:
        "../scripts/image_specimen.py"


rule add_noise:
    input:
        signal="results/tomograms/{tomogram}/signal.mrc",
        tilts="results/tomograms/{tomogram}/tilts.mrc",
        acquisition="results/tomograms/{tomogram}/acquisition.json",
        particles="results/tomograms/{tomogram}/particles.star",
        specimen="results/tomograms/{tomogram}/specimen.json",
        labels=LABELS if IN_A_BAND else [],
        ground="results/tomograms/{tomogram}/ground.star" if IN_A_BAND else [],
        simulation=SIMULATION,
    output:
        **HALF_TOMOGRAMS,
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
        **TOMOGRAM_RESOURCES,
    params:
        asked=settings_of_noise,
        code=library_version("add_noise"),
    script:
        "../scripts/add_noise.py"


rule export_tilt_series:
    input:
        tilts="results/tomograms/{tomogram}/{dataset}_tilts.mrc",
        acquisition="results/tomograms/{tomogram}/acquisition.json",
        simulation=SIMULATION,
    output:
        star="results/export/{tomogram}_{dataset}/tilt_series.star",
        tilts="results/export/{tomogram}_{dataset}/tilts.mrcs",
        others=multiext(
            "results/export/{tomogram}_{dataset}/tilts", ".star", ".rawtlt", ".xf"
        ),
    log:
        "logs/export_tilt_series/{tomogram}_{dataset}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        optics=lookup(within=config, dpath="microscope/optics"),
        specimen=lookup(within=config, dpath="specimen"),
        code=library_version("export_tilt_series"),
    script:
        "../scripts/export_tilt_series.py"
