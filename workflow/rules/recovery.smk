# Particles of whole tomograms: found, segmented, averaged. Only with the target `recover`.
rule segment_tomogram:
    input:
        tomogram=lambda w: users_file(SAMPLES[w.sample].file),
        model=weights_of("picking", "all"),
    output:
        probability=volume(of_sample("probability.mrc")),
        labels=volume(of_sample("labels.mrc")),
    log:
        "logs/segment_tomogram/{sample}.log",
    benchmark:
        "results/benchmarks/segment_tomogram/{sample}.tsv"
    conda:
        environment(config["training"]["device"])
    threads: JOB_THREADS
    resources:
        **RECOVERY_RESOURCES,
    params:
        sample=lambda w: SAMPLES[w.sample].facts_of_volume,
        device=lookup(within=config, dpath="training/device"),
        code=library_version("segment_tomogram"),
    script:
        "../scripts/segment_tomogram.py"


rule pick_particles:
    input:
        tomogram=lambda w: users_file(SAMPLES[w.sample].file),
        probability=of_segmentation("probability.mrc"),
    output:
        of_sample("picks.star"),
    log:
        "logs/pick_particles/{sample}.log",
    benchmark:
        "results/benchmarks/pick_particles/{sample}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: JOB_THREADS
    resources:
        mem_mb=more_each_attempt(RECOVERY_MB),
        runtime=more_each_attempt(30),
    params:
        sample=lambda w: SAMPLES[w.sample].facts_of_volume,
        settings=lookup(within=config, dpath="recovery/picking"),
        code=library_version("pick_particles"),
    script:
        "../scripts/pick_particles.py"


rule segment_picks:
    input:
        tomogram=lambda w: users_file(SAMPLES[w.sample].file),
        picks=of_sample("picks.star"),
        model=weights_of("segmentation", "centred"),
    output:
        of_sample("instances.mrc"),
    log:
        "logs/segment_picks/{sample}.log",
    benchmark:
        "results/benchmarks/segment_picks/{sample}.tsv"
    conda:
        environment(config["training"]["device"])
    threads: JOB_THREADS
    resources:
        **RECOVERY_RESOURCES,
    params:
        sample=lambda w: SAMPLES[w.sample].facts_of_volume,
        settings=lookup(within=config, dpath="recovery/segmentation"),
        device=lookup(within=config, dpath="training/device"),
        code=library_version("segment_picks"),
    script:
        "../scripts/segment_picks.py"


rule score_picks:
    input:
        particles=true("particles.star"),
        labels=true(LABELS.rpartition("/")[2]),
        ground=true("ground.star"),
        picks=of_sample("picks.star"),
        instances=of_sample("instances.mrc"),
        structure=of_segmentation("labels.mrc"),
    output:
        matches=of_sample("matches.csv"),
        counts=of_sample("counts.json"),
    log:
        "logs/score_picks/{sample}.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        **TOMOGRAM_RESOURCES,
    params:
        distance=lookup(within=config, dpath="recovery/distance_angstrom"),
        code=library_version("score_picks"),
    script:
        "../scripts/score_picks.py"


rule render_structure:
    input:
        "results/structures/{pdb_id}.npz",
    output:
        "results/recovery/maps/{pdb_id}.mrc",
    log:
        "logs/render_structure/{pdb_id}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        voxel_size=lookup(within=config, dpath="specimen/voxel_size_angstrom"),
        resolution=lookup(within=config, dpath="specimen/resolution_angstrom"),
        code=library_version("render_structure"),
    script:
        "../scripts/render_structure.py"


rule average_picks:
    input:
        **AVERAGING_MAPS,
        tomograms=lambda w: [users_file(SAMPLES[s].file) for s in GROUPS[w.group]],
        picks=of_group("picks.star"),
        instances=of_group("instances.mrc"),
        matches=of_group("matches.csv") if not SHEET else [],
    output:
        multiext("results/recovery/averages/{group}/", *AVERAGE_FILES),
    log:
        "logs/average_picks/{group}.log",
    benchmark:
        "results/benchmarks/average_picks/{group}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: JOB_THREADS
    resources:
        **RECOVERY_RESOURCES,
    params:
        samples=lambda w: [SAMPLES[name].facts for name in GROUPS[w.group]],
        settings=lookup(within=config, dpath="recovery/averaging"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("average_picks"),
    script:
        "../scripts/average_picks.py"
