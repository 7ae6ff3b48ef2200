"""The last step: momentum on MinAtar's breakout, for as long as there is time.

The cell of experiments/rmsprop_vs_adam.toml at the learning rates that it chose, with its report seeds, and further than its
30,000 steps if the time allows. The four optimisers train at once, each with a cohort of agents, until the time is up.
"""

import csv
from concurrent.futures import ThreadPoolExecutor
from math import sqrt
from statistics import mean, stdev

ARMS = {
    "adam": ("adam", "1e-3"),
    "adam0": ("adam:beta1=0", "3e-3"),
    "rmsprop": ("rmsprop", "3e-3"),
    "rmsprop-momentum": ("rmsprop:momentum=0.9", "3e-4"),
}
# With momentum and without.
CONTRASTS = [("adam", "adam0"), ("rmsprop-momentum", "rmsprop"), ("adam", "rmsprop")]
# Exploration ends after so many steps, as in the study.
EXPLORES = 15_000
# Seconds at the end to read the files and write the summary.
RESERVED = 10


def arguments(check, arm):
    optimiser, lr = ARMS[arm]
    steps, every, agents, starts = (1_500, 500, 2, 200) if check.rehearse else (1_000_000, 3_000, 60, 1_000)
    return [
        "--env", "breakout", "--preset", "minatar", "--opt", optimiser, "--lr", lr, "--agents", agents, "--steps", steps,
        "--eval-every", every, "--eval-episodes", 5, "--learning-starts", starts, "--train-frequency", 4,
        "--exploration-fraction", min(1.0, EXPLORES / steps), "--device", check.device, "--out", check.work / arm, "--quiet",
    ]


def experiment(check, result):
    limit = check.left() - RESERVED
    with ThreadPoolExecutor(len(ARMS)) as pool:
        runs = {arm: pool.submit(check.program, "rl", *arguments(check, arm), limit=limit) for arm in ARMS}
    for arm, run in runs.items():
        # That the time ran out is how this is meant to end.
        if run.result().failure and not run.result().out_of_time:
            result.failures.append(f"{arm}: {run.result().failure}")
    curves = {arm: read(check.work / arm) for arm in ARMS}
    check.write("experiment.csv", [
        {"optimiser": arm, "seed": seed, "step": step, "mean_return": value}
        for arm, seeds in curves.items() for seed, curve in seeds.items() for step, value in curve.items()
    ])
    reached = [set.intersection(*(set(curve) for curve in seeds.values())) for seeds in curves.values() if seeds]
    steps = sorted(set.intersection(*reached) - {0}) if len(reached) == len(ARMS) else []
    if not steps:
        result.skipped.append("not every optimiser reached its first evaluation")
        return
    areas = {arm: {seed: mean(curve[step] for step in steps) for seed, curve in curves[arm].items()} for arm in ARMS}
    result.figures.append(f"mean return of {len(steps)} evaluations to step {steps[-1]:,}, and its standard error over seeds:")
    for arm, by_seed in areas.items():
        result.figures.append(f"{arm}: {with_error(list(by_seed.values()))}, {len(by_seed)} agents")
    for one, other in CONTRASTS:
        pairs = [areas[one][seed] - areas[other][seed] for seed in areas[one].keys() & areas[other].keys()]
        result.figures.append(f"{one} - {other}: {with_error(pairs)}, paired by seed")


def with_error(values):
    return f"{mean(values):.3f} ± {stdev(values) / sqrt(len(values)):.3f}"


def read(folder):
    """By seed, the mean return at each step of an evaluation; lines that were cut short are left out."""
    seeds = {}
    for path in folder.glob("seed-*/evaluations.csv"):
        rows = csv.DictReader(path.read_text().splitlines())
        whole = [row for row in rows if row["mean_length"]]
        seeds[int(path.parent.name.removeprefix("seed-"))] = {int(row["step"]): float(row["mean_return"]) for row in whole}
    return seeds
