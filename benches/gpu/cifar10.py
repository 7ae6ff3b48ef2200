"""The control on CIFAR-10, if `--cifar10` names a folder with its Parquet files: the note's experiment with five seeds,
`experiments/cifar10_momentum.toml`, and torchvision's ResNet-18 for three epochs, all at once until the time is up.

What has finished by then is in `cifar10.tar.gz`: a folder of runs without their weights, the study's, and torchvision's lines.
"""

import csv
import shutil
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import mean, stdev

OPTIMISERS = ["sgd", "adam", "rmsprop", "adagrad"]
SEEDS = 5
# Runs of the study at once.
JOBS = 4
# Seconds at the end to gather the results, and for the runs to end when they are asked to.
RESERVED = 20
# Too large to bring back, and not needed to draw a figure.
LEFT_OUT = {"weights.safetensors", "checkpoint.safetensors"}


def cifar10(check, result):
    images = check.cifar10
    if images is None and not check.rehearse:
        result.skipped.append("--cifar10 names no folder")
        return
    work = check.work / "cifar10"
    (work / "data").mkdir(parents=True)
    limit = check.left() - RESERVED
    if check.rehearse:
        data, size = ["--dataset", "synthetic", "--steps", 2, "--batch", 8], ["--seeds", 2]
    else:
        (work / "data/cifar10").symlink_to(images.resolve())
        data, size = ["--dataset", "cifar10", "--data-dir", images.resolve()], ["--seeds", SEEDS]
    ours = [*data, *size, "--device", check.device]
    jobs = {
        name: lambda name=name: check.program("supervised", *ours, "--opt", name, "--out", work / name, limit=limit)
        for name in OPTIMISERS
    }
    if not check.rehearse:
        experiment = work / "cifar10_momentum.toml"
        text = (check.scripts / experiment.name).read_text()
        experiment.write_text(text.replace("[supervised.run]\n", '[supervised.run]\ndevice = "cuda"\n'))
        study = ["run", experiment, "--jobs", JOBS, "--out", work / "study", "--runs", work / "study-runs"]
        jobs["study"] = lambda: check.program("study", *study, limit=limit, cwd=work)
        torch = ["peers/supervised.py", images.resolve(), "cuda", 3, ",".join(OPTIMISERS), 1, 2, 3]
        jobs["torchvision"] = lambda: check.script(*torch, limit=limit)
    with ThreadPoolExecutor(len(jobs)) as pool:
        ended = {name: pool.submit(job) for name, job in jobs.items()}
    for name, job in ended.items():
        if job.result().failure:
            (result.skipped if job.result().out_of_time else result.failures).append(f"{name}: {job.result().failure}")
    together = work / "note"
    together.mkdir()
    for name in OPTIMISERS:
        for folder in list((work / name).glob("*-s[0-9]*")):
            folder.rename(together / folder.name)
    if all(not ended[name].result().failure for name in OPTIMISERS):
        gather = [*ours, "--opt", ",".join(OPTIMISERS), "--resume", "--out", together]
        gathered = check.program("supervised", *gather, limit=15)
        if gathered.failure:
            result.failures.append(f"the common tables: {gathered.failure}")
    if "torchvision" in ended:
        (work / "torchvision.csv").write_text(ended["torchvision"].result().stdout)
    with tarfile.open(check.out / "cifar10.tar.gz", "w:gz") as packed:
        for name in ("note", "study", "torchvision.csv"):
            if (work / name).exists():
                packed.add(work / name, name, filter=lambda file: None if Path(file.name).name in LEFT_OUT else file)
    report(together, result)
    shutil.rmtree(work)


def report(together, result):
    """The test accuracy after the last epoch, by optimiser."""
    accuracies = {}
    for outcome in together.glob("*/outcome.csv"):
        for row in csv.DictReader(outcome.read_text().splitlines()):
            accuracies.setdefault(row["optimiser"], []).append(float(row["test_accuracy"]))
    for name, values in sorted(accuracies.items()):
        spread = f" ± {stdev(values):.4f}" if len(values) > 1 else ""
        result.figures.append(f"{name}: test accuracy {mean(values):.4f}{spread} over {len(values)} seeds")
