# The report sorts its sections by name; these follow the data.
SECTIONS = [
    "1. Structures",
    "2. Tomograms",
    "3. Subtomograms",
    "4. Segmentation",
    "5. Tables",
    "6. Run time",
]
STRUCTURES, TOMOGRAM, SUBTOMOGRAMS, SEGMENTATION, TABLES, RUN_TIME = SECTIONS

RUNS2 = [run_of(row) for row in TABLE2]
RUNS3 = [run_of(TABLE3, f"without_{pdb_id}") for pdb_id in LEFT_OUT]
RUNS = [*RUNS2, *RUNS3]
TRAINED = [run for run in RUNS if method_name(Path(run).parts[2]) not in BASELINES]
UNTRAINED = [row for row in TABLE2 if row["method"] == BASELINE]
SHOWN = [row for row in TABLE2 if row["method"] == TABLE3["method"]] or TABLE2[:1]
SHOWN_RUNS = [run_of(row) for row in SHOWN]

FIGURES = [
    *["complex", "calibration", "packing", "training", "per_class", "against_size"],
    *["against_paper", "runtime"],
    *expand("tomogram_{t}_{dataset}", t=TOMOGRAMS, dataset=SNRS),
    *[f"segmentation_{path_name(row['method'])}_{row['dataset']}" for row in SHOWN],
    *[f"baseline_{path_name(row['method'])}_{row['dataset']}" for row in UNTRAINED],
]
PAGES = ["structures", "specimen", "snr", "mask_sizes", "table2", "table3"]

# What tables say of their making: nothing of figures, nor of what can change no result.
SETTINGS_OF_TABLES = {
    **{
        key: config[key]
        for key in config
        if key not in {"figures", "trainings_per_gpu"}
    },
    "structures": {
        **{
            key: value
            for key, value in config["structures"].items()
            if key != "archive"
        },
        "urls": config["structures"]["archive"]["urls"],
    },
}


localrules:
    describe_data,
    make_tables,


rule describe_data:
    input:
        structures=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
        specimens=expand("results/tomograms/{t}/specimen.json", t=TOMOGRAMS),
        noise=expand("results/tomograms/{t}/{d}.json", t=TOMOGRAMS, d=SNRS),
        complexes=RESOURCES / "complexes.tsv",
    output:
        structures=shown(
            "results/tables/structures.html",
            STRUCTURES,
            "Structures and their sources",
        ),
        specimen=shown("results/tables/specimen.html", TOMOGRAM, "Specimen: packing"),
        snr=shown("results/tables/snr.html", TOMOGRAM, "SNR asked and measured"),
    log:
        "logs/describe_data.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=PDB_IDS,
        tomograms=TOMOGRAMS,
        datasets=list(SNRS),
        code=library_version("describe_data"),
    script:
        "../scripts/describe_data.py"


rule draw_specimen:
    input:
        dataset=f"results/subtomograms/{next(iter(SNRS))}.h5",
        summaries=expand("results/tomograms/{t}/{d}.json", t=TOMOGRAMS[:1], d=SNRS),
        complexes=RESOURCES / "complexes.tsv",
    output:
        calibration=shown(
            "results/figures/calibration.png", TOMOGRAM, "SNR: calibration"
        ),
        packing=shown("results/figures/packing.png", SUBTOMOGRAMS, "Classes"),
        masks=shown("results/tables/mask_sizes.html", SUBTOMOGRAMS, "Size of the masks"),
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
        labels="results/tomograms/{tomogram}/labels.mrc",
        tilts="results/tomograms/{tomogram}/{dataset}_tilts.mrc",
    output:
        png=shown(
            "results/figures/tomogram_{tomogram}_{dataset}.png",
            TOMOGRAM,
            "Tomogram {tomogram}, dataset {dataset}",
        ),
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
        datasets=expand("results/subtomograms/{dataset}.h5", dataset=SNRS),
    output:
        png=shown("results/figures/complex.png", SUBTOMOGRAMS, "Figure 4: a complex"),
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


rule draw_segmentation:
    input:
        dataset="results/subtomograms/{dataset}.h5",
        scores="results/runs/{method}/{dataset}/random/per_subtomogram.csv",
        predictions="results/runs/{method}/{dataset}/random/predictions.h5",
    output:
        png=shown(
            "results/figures/segmentation_{method}_{dataset}.png",
            SEGMENTATION,
            "Figure 5: {method}, dataset {dataset}",
        ),
        svg="results/figures/segmentation_{method}_{dataset}.svg",
    log:
        "logs/draw_segmentation/{method}_{dataset}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=lookup(within=config, dpath="figures/example_ids"),
        code=library_version("draw_segmentation"),
    script:
        "../scripts/draw_segmentation.py"


rule draw_baseline:
    input:
        dataset="results/subtomograms/{dataset}.h5",
        run="results/runs/{method}/{dataset}/random/run.json",
        scores="results/runs/{method}/{dataset}/random/per_subtomogram.csv",
    output:
        png=shown(
            "results/figures/baseline_{method}_{dataset}.png",
            SEGMENTATION,
            "The baseline's steps: {method}, dataset {dataset}",
        ),
        svg="results/figures/baseline_{method}_{dataset}.svg",
    log:
        "logs/draw_baseline/{method}_{dataset}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        pdb_ids=lookup(within=config, dpath="figures/example_ids"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("draw_baseline"),
    script:
        "../scripts/draw_baseline.py"


rule draw_training:
    input:
        histories=expand("{run}/history.csv", run=TRAINED),
        runs=expand("{run}/run.json", run=TRAINED),
    output:
        png=shown("results/figures/training.png", SEGMENTATION, "Training curves"),
        svg="results/figures/training.svg",
    log:
        "logs/draw_training.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        titles=[title(run) for run in TRAINED],
        code=library_version("draw_training"),
    script:
        "../scripts/draw_training.py"


rule make_tables:
    input:
        runs=expand("{run}/run.json", run=RUNS),
        scores=expand("{run}/per_subtomogram.csv", run=RUNS),
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
            format=["csv", "md", "tex", "json"],
        ),
        table2=shown("results/tables/table2.html", TABLES, "Table 2: the methods"),
        table3=shown("results/tables/table3.html", TABLES, "Table 3: unseen structures"),
    log:
        "logs/make_tables.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        config=SETTINGS_OF_TABLES,
        pdb_ids=PDB_IDS,
        code=library_version("make_tables"),
    script:
        "../scripts/make_tables.py"


rule draw_scores:
    input:
        scores=expand("{run}/per_subtomogram.csv", run=SHOWN_RUNS),
        table3="results/tables/table3.csv",
    output:
        per_class=shown(
            "results/figures/per_class.png", SEGMENTATION, "IoU by class and SNR"
        ),
        against_size=shown(
            "results/figures/against_size.png", SEGMENTATION, "IoU by size of the mask"
        ),
        against_paper=shown(
            "results/figures/against_paper.png",
            TABLES,
            "Table 3: ours and the paper's",
        ),
        svg=expand(
            "results/figures/{name}.svg",
            name=["per_class", "against_size", "against_paper"],
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


rule draw_runtime:
    input:
        "results/tables/table2.csv",
        "results/tables/table3.csv",
    output:
        png=shown("results/figures/runtime.png", RUN_TIME, "Seconds and memory"),
        svg="results/figures/runtime.svg",
    log:
        "logs/draw_runtime.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        code=library_version("draw_runtime"),
    script:
        "../scripts/draw_runtime.py"
