# The report on the data: what was simulated, before anything is segmented.
in_structures = partial(shown, "1. Structures")
in_tomograms = partial(shown, "2. Tomograms")
in_subtomograms = partial(shown, "3. Subtomograms")

DRAWING_RESOURCES = {
    "mem_mb": more_each_attempt(4000),
    "runtime": more_each_attempt(30),
}


rule describe_data:
    input:
        structures=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
        specimens=expand("results/tomograms/{t}/specimen.json", t=EVERY),
        noise=expand("results/tomograms/{t}/{d}.json", t=EVERY, d=SNRS),
        complexes=users_file("resources/complexes.tsv"),
    output:
        structures=in_structures(
            "results/tables/structures.html",
            "structures",
            "Structures and their sources",
        ),
        specimen=in_tomograms("results/tables/specimen.html", "specimen", "Specimen"),
        snr=in_tomograms("results/tables/snr.html", "snr", "SNR"),
    log:
        "logs/describe_data.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        names={"pdb_ids": PDB_IDS, "tomograms": EVERY, "datasets": list(SNRS)},
        code=library_version("describe_data"),
    script:
        "../scripts/describe_data.py"


rule draw_specimen:
    input:
        shard=shards(TOMOGRAMS[:1], next(iter(SNRS)))[0],
        summaries=expand("results/tomograms/{t}/{d}.json", t=TOMOGRAMS[:1], d=SNRS),
        complexes=users_file("resources/complexes.tsv"),
    output:
        calibration=in_tomograms(
            "results/figures/calibration.png", "calibration", "SNR calibration"
        ),
        packing=in_subtomograms("results/figures/packing.png", "packing", "Datasets"),
        masks=in_subtomograms("results/tables/mask_sizes.html", "mask_sizes", "Masks"),
        masks_csv="results/tables/mask_sizes.csv",
        svg=expand("results/figures/{name}.svg", name=["calibration", "packing"]),
    log:
        "logs/draw_specimen.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        **DRAWING_RESOURCES,
    params:
        names=list(SNRS),
        code=library_version("draw_specimen"),
    script:
        "../scripts/draw_specimen.py"


rule draw_tomogram:
    input:
        signal="results/tomograms/{tomogram}/signal.mrc",
        tomogram="results/tomograms/{tomogram}/{dataset}.mrc",
        labels=LABELS,
        tilts="results/tomograms/{tomogram}/{dataset}_tilts.mrc",
        acquisition="results/tomograms/{tomogram}/acquisition.json",
        summary="results/tomograms/{tomogram}/{dataset}.json",
    output:
        png=in_tomograms(
            "results/figures/tomogram_{tomogram}_{dataset}.png",
            "tomogram",
            "Tomogram {tomogram}, dataset {dataset}",
        ),
        svg="results/figures/tomogram_{tomogram}_{dataset}.svg",
    log:
        "logs/draw_tomogram/{tomogram}_{dataset}.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        **TOMOGRAM_RESOURCES,
    params:
        code=library_version("draw_tomogram"),
    script:
        "../scripts/draw_tomogram.py"


rule draw_complex:
    input:
        structure=f"results/structures/{config['figures']['complex_id']}.npz",
        shards=[shards(TOMOGRAMS[:1], dataset) for dataset in SNRS],
    output:
        png=in_subtomograms(
            "results/figures/complex.png", "complex", "Figure 4: a complex"
        ),
        svg="results/figures/complex.svg",
    log:
        "logs/draw_complex.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        **DRAWING_RESOURCES,
    params:
        pdb_id=lookup(within=config, dpath="figures/complex_id"),
        level=lookup(within=config, dpath="specimen/mask_threshold_dalton_per_nm3"),
        resolution=lookup(within=config, dpath="specimen/resolution_angstrom"),
        code=library_version("draw_complex"),
    script:
        "../scripts/draw_complex.py"
