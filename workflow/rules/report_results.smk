# The report on the results: how well the data were segmented, and the time that it took.
RUNS = checked.tables.runs(PDB_IDS)
TRAINED = [run for run in RUNS if run.method not in BASELINES]
UNSUPERVISED_RUNS = [run for run in RUNS if run.method == BASELINE]
FIRST_SEEDS = [run for run in RUNS if run.split == "random"]
SHOWN = [
    run for run in FIRST_SEEDS if run.method == checked.tables.table3.method
] or RUNS[:1]

FIGURES += ["training", "per_class", "against_size", "against_paper", "runtime"]
FIGURES += [f"segmentation_{path_name(r.method)}_{r.dataset}" for r in SHOWN]
FIGURES += [f"baseline_{path_name(r.method)}_{r.dataset}" for r in UNSUPERVISED_RUNS]
TABLES, FORMATS = ["table2", "table3"], ["csv", "md", "tex", "json"]
PAGES += TABLES

COMPETING = checked.leaderboard.runs(checked.tables, [*SNRS], PDB_IDS)
EXTERNAL = config["leaderboard"]["external"]
SCORES_OF_RUN = ["run.json", "per_subtomogram.csv", "independent.csv"]

FACTS_OF_TABLES = ["paper_table2.csv", "paper_table3.csv", "complexes.tsv"]
NOT_OF_TABLES = {"figures", "leaderboard", "recovery"}
NOT_OF_TABLES |= {"trainings_per_gpu", "gpus_per_training"}
# The provenance of tables: all settings but those of figures and those that change no result.
SETTINGS_OF_TABLES = {
    **{key: config[key] for key in config if key not in NOT_OF_TABLES},
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
    make_leaderboard,
    make_tables,


rule draw_segmentation:
    input:
        shards=shards(TOMOGRAMS),
        scores="results/runs/{method}/{dataset}/random/per_subtomogram.csv",
        predictions="results/runs/{method}/{dataset}/random/predictions.h5",
    output:
        png=shown("results/figures/segmentation_{method}_{dataset}.png"),
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
        shards=shards(TOMOGRAMS),
        run="results/runs/{method}/{dataset}/random/run.json",
        scores="results/runs/{method}/{dataset}/random/per_subtomogram.csv",
    output:
        png=shown("results/figures/baseline_{method}_{dataset}.png"),
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
        histories=run_files(TRAINED, "history.csv"),
        runs=run_files(TRAINED, "run.json"),
    output:
        png=shown("results/figures/training.png"),
        svg="results/figures/training.svg",
    log:
        "logs/draw_training.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        titles=list(map(title, TRAINED)),
        code=library_version("draw_training"),
    script:
        "../scripts/draw_training.py"


rule make_tables:
    input:
        runs=run_files(RUNS, "run.json"),
        scores=run_files(RUNS, "per_subtomogram.csv"),
        independent=run_files(RUNS, "independent.csv"),
        structures=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
        facts=[RESOURCES / name for name in FACTS_OF_TABLES],
    output:
        expand("results/tables/{table}.{format}", table=TABLES, format=FORMATS),
        table2=shown("results/tables/table2.html"),
        table3=shown("results/tables/table3.html"),
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


# Not in `all`: it asks for methods that the tables do not show.
rule make_leaderboard:
    input:
        runs=[path for name in SCORES_OF_RUN for path in run_files(COMPETING, name)],
        external=[f"{folder}/{name}" for folder in EXTERNAL for name in SCORES_OF_RUN],
    output:
        "results/tables/leaderboard.csv",
        "results/tables/leaderboard.md",
    log:
        "logs/make_leaderboard.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        leaderboard=lookup(within=config, dpath="leaderboard"),
        tables=lookup(within=config, dpath="tables"),
        snr=lookup(within=config, dpath="snr"),
        pdb_ids=PDB_IDS,
        seed=lookup(within=config, dpath="seed"),
        code=library_version("make_leaderboard"),
    script:
        "../scripts/make_leaderboard.py"


rule draw_scores:
    input:
        scores=run_files(SHOWN, "per_subtomogram.csv"),
        table3="results/tables/table3.csv",
    output:
        per_class=shown("results/figures/per_class.png"),
        against_size=shown("results/figures/against_size.png"),
        against_paper=shown("results/figures/against_paper.png"),
        svg=multiext(
            "results/figures/",
            "per_class.svg",
            "against_size.svg",
            "against_paper.svg",
        ),
    log:
        "logs/draw_scores.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        titles=list(map(title, SHOWN)),
        code=library_version("draw_scores"),
    script:
        "../scripts/draw_scores.py"


rule draw_runtime:
    input:
        "results/tables/table2.csv",
        "results/tables/table3.csv",
    output:
        png=shown("results/figures/runtime.png"),
        svg="results/figures/runtime.svg",
    log:
        "logs/draw_runtime.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        code=library_version("draw_runtime"),
    script:
        "../scripts/draw_runtime.py"
