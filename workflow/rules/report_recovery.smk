# The report on recovered particles, which is there if `recover` was asked for.
in_recovery = partial(shown, "7. Recovery")


rule draw_picks:
    input:
        tomogram=lambda w: users_file(SAMPLES[w.sample].file),
        picks=of_sample("picks.star"),
        instances=of_sample("instances.mrc"),
        particles=true("particles.star"),
        matches=[] if SHEET else of_sample("matches.csv"),
    output:
        png=in_recovery(
            "results/figures/picks_{sample}.png", "picks", "Picks: {sample}"
        ),
        svg="results/figures/picks_{sample}.svg",
    log:
        "logs/draw_picks/{sample}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        sample=lambda w: SAMPLES[w.sample].facts_of_volume,
        diameter=lookup(within=config, dpath="recovery/picking/diameter_angstrom"),
        code=library_version("draw_picks"),
    script:
        "../scripts/draw_picks.py"


rule draw_average:
    input:
        files=expand(
            "results/recovery/averages/{{group}}/{file}",
            file=["average.mrc", "fsc.csv", "particles.csv"],
        ),
        truth=AVERAGING_MAPS["truth"],
    output:
        png=in_recovery(
            "results/figures/average_{group}.png", "average", "Average: {group}"
        ),
        svg="results/figures/average_{group}.svg",
    log:
        "logs/draw_average/{group}.log",
    conda:
        "../../envs/cpu.yaml"
    params:
        settings=lookup(within=config, dpath="recovery/averaging"),
        code=library_version("draw_average"),
    script:
        "../scripts/draw_average.py"


rule score_recovery:
    input:
        matches=expand(of_sample("matches.csv"), sample=SAMPLES),
        counts=expand(of_sample("counts.json"), sample=SAMPLES),
        structures=expand("results/structures/{pdb_id}.json", pdb_id=PDB_IDS),
    output:
        html=in_recovery(
            "results/tables/recovery.html", "recovery", "Scores of picks and targets"
        ),
        csv="results/tables/recovery.csv",
        md="results/tables/recovery.md",
    log:
        "logs/score_recovery.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        groups=GROUPS,
        snrs=SNRS,
        pdb_ids=PDB_IDS,
        method=lookup(within=config, dpath="recovery/picking/method"),
        distance=lookup(within=config, dpath="recovery/distance_angstrom"),
        code=library_version("score_recovery"),
    script:
        "../scripts/score_recovery.py"


rule draw_recall:
    input:
        "results/tables/recovery.csv",
    output:
        png=in_recovery("results/figures/recall.png", "recall", "Recall by mass"),
        svg="results/figures/recall.svg",
    log:
        "logs/draw_recall.log",
    localrule: True
    conda:
        "../../envs/cpu.yaml"
    params:
        code=library_version("draw_recall"),
    script:
        "../scripts/draw_recall.py"


rule recover:
    input:
        expand(rules.draw_picks.output, sample=SAMPLES),
        expand(rules.draw_average.output, group=GROUPS) if AVERAGING else [],
        rules.score_recovery.output + rules.draw_recall.output if not SHEET else [],
