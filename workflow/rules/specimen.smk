rule simulate_specimen:
    input:
        structures=lambda w: expand(
            "results/structures/{pdb_id}.npz", pdb_id=structures_in(w)
        ),
        simulation=SIMULATION,
    output:
        density=volume("results/tomograms/{tomogram}/density.mrc"),
        labels=LABELS,
        particles="results/tomograms/{tomogram}/particles.star",
        ground="results/tomograms/{tomogram}/ground.star",
        summary="results/tomograms/{tomogram}/specimen.json",
    log:
        "logs/simulate_specimen/{tomogram}.log",
    benchmark:
        "results/benchmarks/simulate_specimen/{tomogram}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: JOB_THREADS
    resources:
        **TOMOGRAM_RESOURCES,
    params:
        pdb_ids=structures_in,
        settings=lookup(within=config, dpath="specimen"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("simulate_specimen"),
    script:
        "../scripts/simulate_specimen.py"
