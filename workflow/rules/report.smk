RUNS2 = [
    str(run_folder("results/runs", row["method"], row["dataset"])) for row in TABLE2
]
RUNS3 = [
    str(
        run_folder(
            "results/runs", TABLE3["method"], TABLE3["dataset"], f"without_{pdb_id}"
        )
    )
    for pdb_id in LEFT_OUT
]
BASELINES = [row["dataset"] for row in TABLE2 if row["method"] == BASELINE]
SHOWN = [row for row in TABLE2 if row["method"] == TABLE3["method"]] or TABLE2[:1]
SHOWN_RUNS = [
    str(run_folder("results/runs", row["method"], row["dataset"])) for row in SHOWN
]
TRAINED = [run for run in [*RUNS2, *RUNS3] if path_name(BASELINE) not in run]
FIGURES = [
    *expand("results/figures/{name}.png", name=["complex", "calibration", "packing"]),
    *expand(
        "results/figures/{name}.png", name=["training", "per_class", "against_size"]
    ),
    *expand("results/figures/{name}.png", name=["against_paper", "runtime"]),
    *expand("results/figures/tomogram_{t}_{d}.png", t=TOMOGRAMS, d=SNRS),
    *[
        f"results/figures/segmentation_{path_name(row['method'])}_{row['dataset']}.png"
        for row in SHOWN
    ],
    *expand("results/figures/baseline_{dataset}.png", dataset=BASELINES),
]


localrules:
    make_tables,


rule make_tables:
    input:
        runs=expand("{run}/run.json", run=[*RUNS2, *RUNS3]),
        scores=expand("{run}/per_subtomogram.csv", run=[*RUNS2, *RUNS3]),
        structures=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
        facts=expand(
            "{folder}/{name}",
            folder=RESOURCES,
            name=["paper_table2.csv", "paper_table3.csv", "complexes.tsv"],
        ),
    output:
        expand(
            "results/tables/{table}.{format}",
            table=["table2", "table3"],
            format=["csv", "tex", "json"],
        ),
        table2=report("results/tables/table2.md", "../report/table2.rst", "Tables"),
        table3=report("results/tables/table3.md", "../report/table3.rst", "Tables"),
    log:
        "logs/make_tables.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        config={key: config[key] for key in config if key != "figures"},
        pdb_ids=PDB_IDS,
        code=library_version("make_tables"),
    script:
        "../scripts/make_tables.py"


rule draw_tomogram:
    input:
        signal="results/tomograms/{tomogram}/signal.mrc",
        tomogram="results/tomograms/{tomogram}/{dataset}.mrc",
        labels="results/tomograms/{tomogram}/labels.mrc",
        tilts="results/tomograms/{tomogram}/{dataset}_tilts.mrc",
    output:
        report(
            "results/figures/tomogram_{tomogram}_{dataset}.png",
            "../report/tomogram.rst",
            "Tomograms",
        ),
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


rule draw_specimen:
    input:
        datasets=expand("results/subtomograms/{dataset}.h5", dataset=SNRS),
        summaries=expand(
            "results/tomograms/{t}/{dataset}.json", t=TOMOGRAMS[:1], dataset=SNRS
        ),
        complexes=RESOURCES / "complexes.tsv",
    output:
        calibration=report(
            "results/figures/calibration.png",
            "../report/snr_calibration.rst",
            "Tomograms",
        ),
        packing=report(
            "results/figures/packing.png", "../report/packing.rst", "Tomograms"
        ),
        masks=report(
            "results/tables/mask_sizes.csv", "../report/mask_sizes.rst", "Tables"
        ),
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


rule draw_complex:
    input:
        structure=f"results/structures/{config['figures']['complex_id']}.npz",
        datasets=expand("results/subtomograms/{dataset}.h5", dataset=SNRS),
    output:
        report("results/figures/complex.png", "../report/figure4.rst", "Subtomograms"),
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


rule draw_segmentation:
    input:
        dataset="results/subtomograms/{dataset}.h5",
        scores="results/runs/{method}/{dataset}/random/per_subtomogram.csv",
        predictions="results/runs/{method}/{dataset}/random/predictions.h5",
    output:
        report(
            "results/figures/segmentation_{method}_{dataset}.png",
            "../report/figure5.rst",
            "Segmentation",
        ),
    log:
        "logs/draw_segmentation/{method}_{dataset}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=lookup(within=config, dpath="figures/example_ids"),
        code=library_version("draw_segmentation"),
    script:
        "../scripts/draw_segmentation.py"


rule draw_training:
    input:
        histories=expand("{run}/history.csv", run=TRAINED),
        runs=expand("{run}/run.json", run=TRAINED),
    output:
        report(
            "results/figures/training.png",
            "../report/training_curves.rst",
            "Segmentation",
        ),
    log:
        "logs/draw_training.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        titles=[title(run) for run in TRAINED],
        code=library_version("draw_training"),
    script:
        "../scripts/draw_training.py"


rule draw_scores:
    input:
        scores=expand("{run}/per_subtomogram.csv", run=SHOWN_RUNS),
        table3="results/tables/table3.csv",
    output:
        per_class=report(
            "results/figures/per_class.png",
            "../report/iou_per_class.rst",
            "Segmentation",
        ),
        against_size=report(
            "results/figures/against_size.png",
            "../report/iou_vs_mask_size.rst",
            "Segmentation",
        ),
        against_paper=report(
            "results/figures/against_paper.png",
            "../report/table3_scatter.rst",
            "Tables",
        ),
    log:
        "logs/draw_scores.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        titles=[title(run) for run in SHOWN_RUNS],
        code=library_version("draw_scores"),
    script:
        "../scripts/draw_scores.py"


rule draw_baseline:
    input:
        dataset="results/subtomograms/{dataset}.h5",
        run="results/runs/Xu-Alber/{dataset}/random/run.json",
        scores="results/runs/Xu-Alber/{dataset}/random/per_subtomogram.csv",
    output:
        report(
            "results/figures/baseline_{dataset}.png",
            "../report/baseline.rst",
            "Segmentation",
        ),
    log:
        "logs/draw_baseline/{dataset}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=lookup(within=config, dpath="figures/example_ids"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("draw_baseline"),
    script:
        "../scripts/draw_baseline.py"


rule draw_runtime:
    input:
        "results/tables/table2.csv",
        "results/tables/table3.csv",
    output:
        report("results/figures/runtime.png", "../report/runtime.rst", "Run time"),
    log:
        "logs/draw_runtime.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        code=library_version("draw_runtime"),
    script:
        "../scripts/draw_runtime.py"
