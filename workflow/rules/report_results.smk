# The report on the results: how well the data were segmented, and the time that it took.
in_segmentation = partial(shown, "4. Segmentation")
in_tables = partial(shown, "5. Tables")
in_run_time = partial(shown, "6. Run time")

TABLES, FORMATS = ["table2", "table3"], ["csv", "md", "tex", "json"]

COMPETING = checked.leaderboard.runs(checked.tables, [*SNRS], LISTED_IDS)
EXTERNAL = config["leaderboard"]["external"]
SCORES_OF_RUN = ["run.json", "per_subtomogram.csv", "independent.csv"]

FACTS_OF_TABLES = ["paper_table2.csv", "paper_table3.csv", "complexes.tsv"]
NOT_OF_TABLES = {"figures", "leaderboard", "recovery", "find"}
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


rule draw_segmentation:
    input:
        shards=shards(TOMOGRAMS),
        scores="results/runs/{method}/{dataset}/random/per_subtomogram.csv",
        predictions="results/runs/{method}/{dataset}/random/predictions.h5",
    output:
        png=in_segmentation(
            "results/figures/segmentation_{method}_{dataset}.png",
            "segmentation",
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
        shards=shards(TOMOGRAMS),
        run="results/runs/{method}/{dataset}/random/run.json",
        scores="results/runs/{method}/{dataset}/random/per_subtomogram.csv",
    output:
        png=in_segmentation(
            "results/figures/baseline_{method}_{dataset}.png",
            "baseline",
            "The baseline, step by step: {method}, dataset {dataset}",
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
        histories=run_files(TRAINED, "history.csv"),
        runs=run_files(TRAINED, "run.json"),
    output:
        png=in_segmentation(
            "results/figures/training.png", "training", "Training curves"
        ),
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
        structures=expand("results/structures/{pdb_id}.json", pdb_id=LISTED_IDS),
        facts=[users_file(f"resources/{name}") for name in FACTS_OF_TABLES],
    output:
        expand("results/tables/{table}.{format}", table=TABLES, format=FORMATS),
        table2=in_tables("results/tables/table2.html", "table2", "Table 2: the methods"),
        table3=in_tables(
            "results/tables/table3.html", "table3", "Table 3: unseen structures"
        ),
    log:
        "logs/make_tables.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        config=SETTINGS_OF_TABLES,
        pdb_ids=LISTED_IDS,
        code=library_version("make_tables"),
    script:
        "../scripts/make_tables.py"


# Not in `all`: it asks for methods that the tables do not show.
rule make_leaderboard:
    input:
        runs=[path for name in SCORES_OF_RUN for path in run_files(COMPETING, name)],
        external=[users_file(f"{e}/{name}") for e in EXTERNAL for name in SCORES_OF_RUN],
    output:
        csv="results/tables/leaderboard.csv",
        md="results/tables/leaderboard.md",
    log:
        "logs/make_leaderboard.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        leaderboard=lookup(within=config, dpath="leaderboard"),
        tables=lookup(within=config, dpath="tables"),
        snr=lookup(within=config, dpath="snr"),
        pdb_ids=LISTED_IDS,
        seed=lookup(within=config, dpath="seed"),
        code=library_version("make_leaderboard"),
    script:
        "../scripts/make_leaderboard.py"


rule draw_scores:
    input:
        scores=run_files(SHOWN, "per_subtomogram.csv"),
        table3="results/tables/table3.csv",
    output:
        per_class=in_segmentation(
            "results/figures/per_class.png", "per_class", "IoU by structure and SNR"
        ),
        against_size=in_segmentation(
            "results/figures/against_size.png", "against_size", "IoU by mask size"
        ),
        against_paper=in_tables(
            "results/figures/against_paper.png", "against_paper", "Beside the paper"
        ),
        svg="results/figures/per_class.svg",
        svgs=multiext("results/figures/against_", "size.svg", "paper.svg"),
    log:
        "logs/draw_scores.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        titles=list(map(title, SHOWN)),
        code=library_version("draw_scores"),
    script:
        "../scripts/draw_scores.py"


SEGMENTED = {name for run in RUNS for name in run.dataset.split(JOIN)}
# The jobs that `all` needs, of every rule that is measured.
JOBS = {
    **dict.fromkeys(["simulate_specimen", "image_specimen"], EVERY),
    "add_noise": [f"{t}_{d}" for t in EVERY for d in SNRS],
    "extract_subtomograms": [f"{t}_{d}" for t in EVERY for d in SNRS if d in SEGMENTED],
    **dict.fromkeys(["train_network", "evaluate_network"], run_names(TRAINED)),
    "search_baseline": [
        f"{run.dataset}_{run.split}" for run in RUNS if run.method == TUNED_BASELINE
    ],
    "run_baseline": run_names(run for run in RUNS if run not in TRAINED),
}


rule draw_runtime:
    input:
        **{
            rule: [f"results/benchmarks/{rule}/{job}.tsv" for job in JOBS[rule]]
            for rule in JOBS
        },
        prepare_structures=["results/benchmarks/prepare_structures.tsv"],
    output:
        png=in_run_time("results/figures/runtime.png", "runtime", "Run time and memory"),
        svg="results/figures/runtime.svg",
    log:
        "logs/draw_runtime.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        code=library_version("draw_runtime"),
    script:
        "../scripts/draw_runtime.py"
