# The report on the data: what was simulated, before anything is segmented.
FIGURES = [
    *["complex", "calibration", "packing"],
    *expand("tomogram_{t}_{dataset}", t=TOMOGRAMS[:1], dataset=SNRS),
]
PAGES = ["structures", "specimen", "snr", "mask_sizes"]


localrules:
    describe_data,


rule describe_data:
    input:
        structures=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
        specimens=expand(
            "results/tomograms/{t}/specimen.json", t=TOMOGRAMS + INDEPENDENT
        ),
        noise=expand(
            "results/tomograms/{t}/{d}.json", t=TOMOGRAMS + INDEPENDENT, d=SNRS
        ),
        complexes=RESOURCES / "complexes.tsv",
    output:
        structures=shown("results/tables/structures.html"),
        specimen=shown("results/tables/specimen.html"),
        snr=shown("results/tables/snr.html"),
    log:
        "logs/describe_data.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=PDB_IDS,
        tomograms=TOMOGRAMS + INDEPENDENT,
        datasets=list(SNRS),
        code=library_version("describe_data"),
    script:
        "../scripts/describe_data.py"


rule draw_specimen:
    input:
        shard=shards(TOMOGRAMS[:1], next(iter(SNRS)))[0],
        summaries=expand("results/tomograms/{t}/{d}.json", t=TOMOGRAMS[:1], d=SNRS),
        complexes=RESOURCES / "complexes.tsv",
    output:
        calibration=shown("results/figures/calibration.png"),
        packing=shown("results/figures/packing.png"),
        masks=shown("results/tables/mask_sizes.html"),
        masks_csv="results/tables/mask_sizes.csv",
        svg=expand("results/figures/{name}.svg", name=["calibration", "packing"]),
    log:
        "logs/draw_specimen.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(30),
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
    output:
        png=shown("results/figures/tomogram_{tomogram}_{dataset}.png"),
        svg="results/figures/tomogram_{tomogram}_{dataset}.svg",
    log:
        "logs/draw_tomogram/{tomogram}_{dataset}.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=more_each_attempt(TOMOGRAM_MB),
        runtime=more_each_attempt(30),
    params:
        snr=lambda wildcards: SNRS[wildcards.dataset],
        tilt=lookup(within=config, dpath="microscope/tilt"),
        code=library_version("draw_tomogram"),
    script:
        "../scripts/draw_tomogram.py"


rule draw_complex:
    input:
        structure=f"results/structures/{config['figures']['complex_id']}.npz",
        shards=[shards(TOMOGRAMS[:1], dataset) for dataset in SNRS],
    output:
        png=shown("results/figures/complex.png"),
        svg="results/figures/complex.svg",
    log:
        "logs/draw_complex.log",
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(30),
    params:
        pdb_id=lookup(within=config, dpath="figures/complex_id"),
        level=lookup(within=config, dpath="specimen/mask_threshold_dalton_per_nm3"),
        resolution=lookup(within=config, dpath="specimen/resolution_angstrom"),
        code=library_version("draw_complex"),
    script:
        "../scripts/draw_complex.py"
