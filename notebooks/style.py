"""Shared by the notebooks: the folder of the results, a colour for each optimiser, and readers of a study's tables."""

import re
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display

RESULTS = Path("../results")

# A hue for each family. Those without momentum are lighter, and dashed where lines meet.
COLOURS = {
    "sgd": "#6fbf8b",
    "momentum": "#00704a",
    "nag": "#8a8d0f",
    "rmsprop": "#e69f00",
    "rmsprop-momentum": "#b04a00",
    "adam0": "#56b4e9",
    "adam0.5": "#2b8cc4",
    "adam": "#0060a0",
    "adam0.99": "#0a2a55",
    "adamw": "#5c6b8a",
    "adagrad": "#cc79a7",
    "adadelta": "#8e5fb0",
}
LADDER = {"0": "#e69f00", "1": "#b99a45", "2": "#8f9680", "3": "#5f86a0", "4": "#0060a0"}
WITHOUT_MOMENTUM = {"sgd", "rmsprop", "adam0", "adagrad", "adadelta"}

plt.rcParams.update(
    {
        "figure.dpi": 90,
        "figure.constrained_layout.use": True,
        "axes.grid": True,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 11,
        "grid.alpha": 0.3,
        "legend.frameon": False,
    }
)
pd.set_option("display.max_colwidth", None, "display.max_rows", 120)


def colour(optimiser):
    """The colour of an optimiser, whatever its settings: of `adam:lr=1e-3` that of `adam`."""
    name = optimiser.partition(":")[0]
    if name.startswith("ladder-"):
        return LADDER[name.removeprefix("ladder-")[0]]
    return COLOURS.get(name, "#777777")


def line(optimiser):
    """Colour and dashes of an optimiser's line."""
    name = optimiser.partition(":")[0]
    return {"color": colour(name), "linestyle": "--" if name in WITHOUT_MOMENTUM else "-"}


def say(text):
    """Shows a sentence with numbers from a table."""
    display(Markdown(text))


def table(experiment, name):
    """A table of a study; `factors` and `at_edge` are empty words rather than NaN."""
    frame = pd.read_csv(RESULTS / experiment / f"{name}.csv")
    words = [key for key in ("factors", "at_edge", "verdict") if key in frame]
    return frame.fillna(dict.fromkeys(words, ""))


def has(experiment, name):
    """Whether a study has this table."""
    return (RESULTS / experiment / f"{name}.csv").is_file()


def reported(experiment, stage="report"):
    """A study's runs of one stage."""
    runs = table(experiment, "runs")
    return runs[runs["stage"] == stage]


def pairs(runs, with_, without):
    """The score of each run of `with_` minus that of the run of `without` with the same seed in the same cell."""
    place = ["environment", "factors", "seed"]
    scores = runs.pivot(index=place, columns="optimiser", values="score")
    return (scores[with_] - scores[without]).dropna().rename("difference").reset_index()


def learning_rate(settings):
    """The learning rates in a column of settings like `adam:lr=1e-3,beta1=0`."""
    return settings.str.extract(r"lr=([^,]+)", expand=False).astype(float)


def spread(count, width=0.3):
    """Offsets that place `count` dots side by side, the same every time."""
    return [width * ((i * 0.618) % 1 - 0.5) for i in range(count)]


def below(figure, handles, columns):
    """A legend under the figure, where it covers nothing."""
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def said(experiment, heading):
    """The tables under a heading of a study's `report.md`, with the ends of their intervals as `lo` and `hi`."""
    text = (RESULTS / experiment / "report.md").read_text()
    body = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    frames = []
    for block in body.split("\n\n"):
        rows = [[re.sub(r"\\(.)", r"\1", cell.strip()) for cell in row.strip("| ").split(" | ")] for row in block.splitlines()]
        if block.startswith("|"):
            frame = pd.DataFrame(rows[2:], columns=rows[0])
            if "95 % interval" in frame:
                frame[["lo", "hi"]] = frame["95 % interval"].str.strip("()").str.split(" to ", expand=True).astype(float)
            if "environment" in frame:
                frame["environment"] = frame["environment"].str.removesuffix(" (not informative)")
            frames.append(frame)
    return frames


def intervals(axis, rows, at, paint, point="difference"):
    """Points with intervals, lying along x; `rows` has `point`, `lo` and `hi`."""
    middle = rows[point].astype(float)
    reach = [(middle - rows["lo"]).clip(lower=0), (rows["hi"] - middle).clip(lower=0)]
    axis.errorbar(middle, at, xerr=reach, fmt="o", color=paint, markersize=5, capsize=3)
