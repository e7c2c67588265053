# Named molecules in the user's tomograms. Only with the target `find`: tomograms are measured, tomograms
# like them simulated (by the rules of specimen and microscope).
in_search = partial(shown, "8. Search")


rule measure_tomogram:
    input:
        tomogram=lambda w: users_file(SEARCHED[w.searched].file),
        probability="results/find/tomograms/{searched}/{searched}_probability.mrc",
        labels="results/find/tomograms/{searched}/{searched}_labels.mrc",
    output:
        multiext("results/find/measured/{searched}/", *MEASURED_FILES),
    log:
        "logs/measure_tomogram/{searched}.log",
    benchmark:
        "results/benchmarks/measure_tomogram/{searched}.tsv"
    conda:
        "../../envs/cpu.yaml"
    resources:
        mem_mb=more_each_attempt(4000),
        runtime=more_each_attempt(30),
    params:
        sample=lambda w: SEARCHED[w.searched].facts,
        optics=lookup(within=config, dpath="microscope/optics"),
        code=library_version("measure_tomogram"),
    script:
        "../scripts/measure_tomogram.py"


rule set_simulation:
    input:
        measurements=expand(
            "results/find/measured/{searched}/measurements.json", searched=SEARCHED
        ),
        seen=expand(
            "results/find/measured/{searched}/macromolecules.json", searched=SEARCHED
        ),
        labels=expand(of_tomogram("labels.mrc"), everywhere=SEARCHED),
        structures=expand("results/structures/{pdb_id}.npz", pdb_id=TARGETS),
        distractors=expand(
            "results/structures/{pdb_id}.npz",
            pdb_id=[pdb_id for pdb_id in LISTED_IDS if pdb_id not in TARGETS],
        ),
    output:
        "results/find/simulation.json",
    log:
        "logs/set_simulation.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        names=list(SEARCHED),
        tilts=[list(sample.tilt_range_deg) for sample in SEARCHED.values()],
        specimen=lookup(within=config, dpath="specimen"),
        microscope=lookup(within=config, dpath="microscope"),
        code=library_version("set_simulation"),
    script:
        "../scripts/set_simulation.py"


use rule segment_tomogram as segment_searched with:
    input:
        tomogram=lambda w: users_file(EVERYWHERE[w.everywhere].file),
        model=weights_of("picking", "all"),
    output:
        probability=of_tomogram("probability.mrc"),
        labels=of_tomogram("labels.mrc"),
    log:
        "logs/segment_searched/{everywhere}.log",
    benchmark:
        "results/benchmarks/segment_searched/{everywhere}.tsv"
    params:
        sample=lambda w: EVERYWHERE[w.everywhere].facts_of_volume,
        device=lookup(within=config, dpath="training/device"),
        code=library_version("segment_tomogram"),


rule find_candidates:
    input:
        tomogram=lambda w: users_file(EVERYWHERE[w.everywhere].file),
        probability=of_tomogram("probability.mrc"),
        labels=of_tomogram("labels.mrc"),
        structures=expand("results/structures/{pdb_id}.npz", pdb_id=TARGETS),
        simulation="results/find/simulation.json",
        truth=lambda w: of_simulation(w, "particles.star"),
        acquisition=lambda w: of_simulation(w, "acquisition.json"),
        annotations=annotations_of,
    output:
        of_tomogram("candidates.json"),
    log:
        "logs/find_candidates/{everywhere}.log",
    benchmark:
        "results/benchmarks/find_candidates/{everywhere}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: JOB_THREADS
    resources:
        **RECOVERY_RESOURCES,
    params:
        sample=lambda w: EVERYWHERE[w.everywhere].facts,
        targets=TARGETS,
        code=library_version("find_candidates"),
    script:
        "../scripts/find_candidates.py"


rule calibrate_targets:
    input:
        simulated=expand(of_tomogram("candidates.json"), everywhere=SIMULATED),
        annotated=expand(of_tomogram("candidates.json"), everywhere=ANNOTATED),
    output:
        calibration="results/find/calibration.json",
        table="results/find/expected.csv",
    log:
        "logs/calibrate_targets.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        targets=TARGETS,
        rate=checked.find.false_discovery_rate if TARGETS else None,
        code=library_version("calibrate_targets"),
    script:
        "../scripts/calibrate_targets.py"


# Of all tomograms at once, since the rate of wrong picks is that of a target in all of them.
rule pick_targets:
    input:
        tomograms=[users_file(sample.file) for sample in SEARCHED.values()],
        candidates=expand(of_tomogram("candidates.json"), everywhere=SEARCHED),
        calibration="results/find/calibration.json",
    output:
        expand(
            "results/find/picks/{searched}/{target}{dialect}.star",
            searched=SEARCHED,
            target=TARGETS,
            dialect=["", "_relion4", "_candidates"],
        ),
        candidates=expand(
            "results/find/picks/{searched}/candidates.csv", searched=SEARCHED
        ),
    log:
        "logs/pick_targets.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        samples=[sample.facts_of_volume for sample in SEARCHED.values()],
        rate=checked.find.false_discovery_rate if TARGETS else None,
        code=library_version("pick_targets"),
    script:
        "../scripts/pick_targets.py"


rule draw_found:
    input:
        tomogram=lambda w: users_file(SEARCHED[w.searched].file),
        picks=[f"results/find/picks/{{searched}}/{target}.star" for target in TARGETS],
        labels="results/find/tomograms/{searched}/{searched}_labels.mrc",
        candidates="results/find/tomograms/{searched}/{searched}_candidates.json",
    output:
        png=in_search(
            "results/figures/found_{searched}.png", "found", "Targets: {searched}"
        ),
        svg="results/figures/found_{searched}.svg",
    log:
        "logs/draw_found/{searched}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        sample=lambda w: SEARCHED[w.searched].facts_of_volume,
        targets=TARGETS,
        code=library_version("draw_found"),
    script:
        "../scripts/draw_found.py"


rule average_target:
    input:
        tomograms=[users_file(sample.file) for sample in SEARCHED.values()],
        picks=expand("results/find/picks/{searched}/{{target}}.star", searched=SEARCHED),
        structure="results/structures/{target}.npz",
    output:
        folder=directory("results/find/averages/{target}"),
        png=in_search(
            "results/figures/average_of_{target}.png",
            "average_of",
            "Average: {target}",
        ),
        svg="results/figures/average_of_{target}.svg",
    log:
        "logs/average_target/{target}.log",
    benchmark:
        "results/benchmarks/average_target/{target}.tsv"
    conda:
        "../../envs/cpu.yaml"
    threads: JOB_THREADS
    resources:
        **RECOVERY_RESOURCES,
    params:
        samples=[sample.facts for sample in SEARCHED.values()],
        seed=lookup(within=config, dpath="seed"),
        code=library_version("average_target"),
    script:
        "../scripts/average_target.py"


rule report_search:
    input:
        calibration="results/find/calibration.json",
        expected="results/find/expected.csv",
        measured=expand("results/find/measured/{searched}/report.md", searched=SEARCHED),
        candidates=expand(
            "results/find/picks/{searched}/candidates.csv", searched=SEARCHED
        ),
        simulation="results/find/simulation.json",
    output:
        report="results/find/report.md",
        png=in_search(
            "results/figures/calibration_of_targets.png", "targets", "Calibration"
        ),
        svg="results/figures/calibration_of_targets.svg",
    log:
        "logs/report_search.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        names=list(SEARCHED),
        code=library_version("report_search"),
    script:
        "../scripts/report_search.py"


if TARGETS:

    rule find:
        input:
            rules.report_search.output,
            expand(rules.draw_found.output, searched=SEARCHED),
            expand(rules.average_target.output, target=TARGETS),
            rules.pick_targets.output,

else:

    # So that the reason is one line, and not that there is no such rule.
    rule find:
        log:
            "logs/find.log",
        localrule: True
        conda:
            "../../envs/cpu.yaml"
        script:
            "../scripts/find.py"
