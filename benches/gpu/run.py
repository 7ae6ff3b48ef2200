#!/usr/bin/env python3
"""Checks a packed build on a GPU in under nine minutes; `.ci/gpu pack` puts this beside the programs.

It takes a driver, Python and PyTorch with torchvision, no network and no toolkit. Each step has its own time limit
and writes its result as it goes; a step that fails says why, and the next one begins.
"""

import argparse
import json
import os
import signal
import sys
import tarfile
import tempfile
import time
from math import inf
from pathlib import Path

import cifar10
import experiment
import machine
import steps
from programs import Check
from summary import Summary

HERE = Path(__file__).resolve().parent
# In order, with the most seconds that each may take; the last two have what is left.
STEPS = {
    "tests": (steps.tests, 150),
    "dqn": (steps.dqn, 45),
    "resnet": (steps.resnet, 170),
    "cohorts": (steps.cohorts, 90),
    "optimisers": (steps.optimisers, 100),
    "experiment": (experiment.experiment, inf),
    "cifar10": (cifar10.cifar10, inf),
}
# Done only if asked for.
EXTRA = {"cifar10"}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("gpu-check"), help="folder for the results, 7 files at most")
    parser.add_argument("--seconds", type=float, default=510, help="time for everything [default: %(default)s]")
    usual = ",".join(step for step in STEPS if step not in EXTRA)
    parser.add_argument("--steps", default=usual, help="which, with commas between [default: %(default)s]")
    parser.add_argument("--cifar10", type=Path, help="folder with CIFAR-10's Parquet files, for the step cifar10")
    parser.add_argument("--rehearse", action="store_true", help="all command lines, on the CPU and with tiny sizes")
    parsed = parser.parse_args()
    parsed.steps = parsed.steps.split(",")
    for step in parsed.steps:
        if step not in STEPS:
            parser.error(f"--steps {step} is not allowed; allowed: {', '.join(STEPS)}")
    return parsed


def main():
    started = time.monotonic()
    asked = arguments()
    pack = json.loads((HERE / "pack.json").read_text())
    if not (pack["cuda"] or asked.rehearse):
        sys.exit("error: these programs were built without CUDA; build them with `.ci/gpu pack`, or rehearse with --rehearse")
    asked.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="gpu-check-") as work:
        with tarfile.open(HERE / "programs.tar.xz") as packed:
            packed.extractall(work, filter="data")
        check = Check(HERE, Path(work), asked.out.resolve(), asked.rehearse, started + asked.seconds, asked.cifar10)
        for ending in (signal.SIGINT, signal.SIGTERM):
            signal.signal(ending, check.abandon)
        summary = Summary(check, pack, machine.describe(check))
        for name in asked.steps:
            summary.step(name, *STEPS[name])
    print(summary.text())
    sys.exit(0 if summary.sound() else 1)


if __name__ == "__main__":
    os.environ["PYTHONUNBUFFERED"] = "1"
    main()
