rule train_network:
    input:
        shards=shards_of(TOMOGRAMS),
        split="results/splits/{split}.csv",
        start=file_of_model(START) if START else [],
    output:
        weights="results/runs/{network}/{data}/{split}{repeat}/weights.pt",
        history="results/runs/{network}/{data}/{split}{repeat}/history.csv",
        run="results/runs/{network}/{data}/{split}{repeat}/run.json",
    log:
        "logs/train_network/{network}_{data}_{split}{repeat}.log",
    benchmark:
        "results/benchmarks/train_network/{network}_{data}_{split}{repeat}.tsv"
    conda:
        environment(config["training"]["device"])
    threads: TRAINING_THREADS * config["gpus_per_training"]
    resources:
        mem_mb=more_each_attempt(READING_MB * config["gpus_per_training"]),
        runtime=more_each_attempt(480),
    params:
        settings=lookup(within=config, dpath="training"),
        seed=lookup(within=config, dpath="seed"),
        checkpoints=checkpoints,
        code=library_version("train_network"),
    script:
        "../scripts/train_network.py"


rule evaluate_network:
    input:
        shards=shards_of(EVERY),
        split="results/splits/{split}.csv",
        weights="results/runs/{network}/{data}/{split}{repeat}/weights.pt",
    output:
        table="results/runs/{network}/{data}/{split}{repeat}/per_subtomogram.csv",
        independent="results/runs/{network}/{data}/{split}{repeat}/independent.csv",
        predictions="results/runs/{network}/{data}/{split}{repeat}/predictions.h5",
    log:
        "logs/evaluate_network/{network}_{data}_{split}{repeat}.log",
    benchmark:
        "results/benchmarks/evaluate_network/{network}_{data}_{split}{repeat}.tsv"
    conda:
        environment(config["training"]["device"])
    threads: TRAINING_THREADS
    resources:
        mem_mb=more_each_attempt(READING_MB),
        runtime=more_each_attempt(30),
    params:
        device=lookup(within=config, dpath="training/device"),
        code=library_version("evaluate_network"),
    script:
        "../scripts/evaluate_network.py"


rule search_baseline:
    input:
        shards=shards(TOMOGRAMS),
        split="results/splits/{split}.csv",
    output:
        "results/baseline/{dataset}/{split}.json",
    log:
        "logs/search_baseline/{dataset}_{split}.log",
    benchmark:
        "results/benchmarks/search_baseline/{dataset}_{split}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: BASELINE_THREADS
    resources:
        **BASELINE_RESOURCES,
    params:
        settings=lookup(within=config, dpath="baseline"),
        seed=lookup(within=config, dpath="seed"),
        code=library_version("search_baseline"),
    script:
        "../scripts/search_baseline.py"


rule run_baseline:
    input:
        shards=shards(EVERY),
        split="results/splits/{split}.csv",
        search=branch(is_tuned, then="results/baseline/{dataset}/{split}.json"),
    output:
        run="results/runs/{baseline}/{dataset}/{split}/run.json",
        table="results/runs/{baseline}/{dataset}/{split}/per_subtomogram.csv",
        independent="results/runs/{baseline}/{dataset}/{split}/independent.csv",
        predictions="results/runs/{baseline}/{dataset}/{split}/predictions.h5",
    log:
        "logs/run_baseline/{baseline}_{dataset}_{split}.log",
    benchmark:
        "results/benchmarks/run_baseline/{baseline}_{dataset}_{split}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: BASELINE_THREADS
    resources:
        **BASELINE_RESOURCES,
    params:
        settings=lambda wildcards: None if is_tuned(wildcards) else UNSUPERVISED,
        seed=lookup(within=config, dpath="seed"),
        code=library_version("run_baseline"),
    script:
        "../scripts/run_baseline.py"
