"""SSN3D: simulate cryo-electron tomograms, train networks to segment them, make Tables 2 and 3.

snakemake --cores all --use-conda                     the paper's experiment (config.yaml)
snakemake --cores all --configfile config/demo.yaml   the same at toy size
snakemake --directory elsewhere ...                   results in another folder
"""

import atexit
from pathlib import Path

from snakemake.utils import min_version

min_version("9.0")


# The repository's own, wherever the results go.
configfile: str(Path(workflow.snakefile).parent / "config.yaml")


report: "workflow/report/workflow.rst"


include: "workflow/rules/common.smk"
include: "workflow/rules/common_data.smk"
include: "workflow/rules/common_runs.smk"
include: "workflow/rules/common_recovery.smk"
include: "workflow/rules/common_find.smk"
include: "workflow/rules/structures.smk"
include: "workflow/rules/specimen.smk"
include: "workflow/rules/microscope.smk"
include: "workflow/rules/subtomograms.smk"
include: "workflow/rules/segmentation.smk"
include: "workflow/rules/report_data.smk"
include: "workflow/rules/report_results.smk"
include: "workflow/rules/recovery.smk"
include: "workflow/rules/report_recovery.smk"
include: "workflow/rules/find.smk"


onerror:
    # At the end, after Snakemake's own last line; by then it has left the working folder.
    atexit.register(tell_failures, log, Path.cwd())


rule all:
    default_target: True
    input:
        rules.describe_data.output,
        rules.draw_specimen.output,
        expand(rules.draw_tomogram.output, tomogram=TOMOGRAMS[0], dataset=SNRS),
        rules.draw_complex.output,
        figures_of(SHOWN, rules.draw_segmentation.output),
        figures_of(UNSUPERVISED_RUNS, rules.draw_baseline.output),
        rules.draw_training.output,
        rules.make_tables.output,
        rules.draw_scores.output,
        rules.draw_runtime.output,
