"""Runs of methods on datasets: which there are, their names, files and resources."""

from ssn3d.models.card import FOLDER, model_names

RUNS = checked.tables.runs(LISTED_IDS)
START = config["training"]["start_from"]
TRAINED = [run for run in RUNS if run.method not in BASELINES]
UNSUPERVISED_RUNS = [run for run in RUNS if run.method == BASELINE]
FIRST_SEEDS = [run for run in RUNS if run.split == "random"]
SHOWN = [
    run for run in FIRST_SEEDS if run.method == checked.tables.table3.method
] or RUNS[:1]

BASELINE_RESOURCES = {
    "mem_mb": more_each_attempt(READING_MB),
    "runtime": more_each_attempt(60),
}
UNSUPERVISED = {
    key: config["baseline"][key] for key in config["baseline"] if key != "search"
}


def shards_of(tomograms):
    """Subtomograms of some tomograms in the datasets of a training, joined as in A+B+C."""
    return lambda w: [p for name in w.data.split(JOIN) for p in shards(tomograms, name)]


def checkpoints(wildcards, output):
    """Folder of checkpoints, beside the runs'; no output, which Snakemake would delete first."""
    return os.path.join(*Path(output.weights).parts[:-5], "checkpoints")


def is_tuned(wildcards):
    """Whether a run is of the tuned baseline, whose parameters come from a search."""
    return wildcards.baseline == path_name(TUNED_BASELINE)


def run_files(runs, name):
    """List one file of each run."""
    return [str(run_folder("results/runs", *run) / name) for run in runs]


def figures_of(runs, files):
    """List the files of a figure of each run."""
    return [
        expand(files, method=path_name(run.method), dataset=run.dataset) for run in runs
    ]


def title(run):
    """Name a run for a reader: method, dataset, its SNR or the structure left out, its seed."""
    split, _, seed = run.split.partition("_seed")
    snr = f"(SNR {', '.join(f'{SNRS[name]:.2g}' for name in run.dataset.split(JOIN))})"
    words = snr if split == "random" else split.replace("_", " ")
    return f"{run.method}, {run.dataset} {words}" + (f", seed {seed}" if seed else "")


def run_names(runs):
    """Name the jobs of runs as their benchmark files are named."""
    return [f"{path_name(run.method)}_{run.dataset}_{run.split}" for run in runs]


def file_of_model(model):
    """File of weights of a model of ssn3d, by its name, or of the user's."""
    shipped = model in model_names()
    return users_file(os.path.relpath(FOLDER / f"{model}.pt") if shipped else model)
