"""The steps but the last: tests, a DQN on both devices, and speeds beside PyTorch's."""

import csv
from collections import defaultdict
from pathlib import Path

from programs import cuda_libraries

# Test programs, and the parts of the names of the tests that concern a GPU.
TESTS = {"cuda": [], "devices": [], "library": ["gpu::tests::on_a_gpu", "nvrtc_compiles"]}


def tests(check, result):
    """Every test in a process of its own, so that none takes the others with it."""
    passed = 0
    # Kernels can be compiled without a GPU where PyTorch brought the compiler.
    compiler = any(any(Path(folder).glob("libnvrtc.so*")) for folder in cuda_libraries())
    environment = {"NVRTC": 1} if compiler else {}
    for program, filters in TESTS.items():
        listed = check.program(program, "--list", *filters, limit=30)
        names = [line.removesuffix(": test") for line in listed.stdout.splitlines() if line.endswith(": test")]
        if listed.failure:
            result.failures.append(f"{program}: {listed.failure}")
        elif not names:
            (result.skipped if check.rehearse else result.failures).append(f"{program}: it has no tests")
        for name in names:
            ended = check.program(program, "--exact", name, "--nocapture", limit=100, **environment)
            printed = ended.stdout + ended.stderr
            if ended.failure:
                # The place, then the message.
                panic = printed[printed.find("panicked at") :].split("\n", 3)[:3] if "panicked at" in printed else []
                result.failures.append(f"{program} {name}: {' '.join(panic)[:300] or ended.failure}")
            elif "skipped:" in printed:
                (result.skipped if check.rehearse else result.failures).append(f"{program} {name}: it found no GPU")
            else:
                passed += 1
    if passed:
        result.figures.append(f"{passed} tests passed")


# Arguments of `rl`, in full and for a rehearsal: an update of the first every 10 steps, of the second every step.
DQN = {
    "cartpole": (["--steps", 12_000, "--learning-starts", 1_000], ["--steps", 2_500, "--learning-starts", 500]),
    "breakout": (
        ["--preset", "minatar", "--steps", 2_500, "--learning-starts", 500],
        ["--preset", "minatar", "--steps", 700, "--learning-starts", 500],
    ),
}
# The first updates, whose losses must agree; later ones may differ once rounding has changed an action.
ALIKE, TOLERANCE = 100, 1e-3


def dqn(check, result):
    """The same runs on the CPU and on the GPU."""
    rows = []
    for env, (full, tiny) in DQN.items():
        arguments = ["--env", env, *(tiny if check.rehearse else full), "--eval-every", 2_500, "--log-every", 1]
        losses, speeds = {}, {}
        for side, device in (("cpu", "cpu"), ("gpu", check.device)):
            folder = check.work / f"{env}-{side}"
            ended = check.program("rl", *arguments, "--device", device, "--out", folder, "--quiet", limit=30)
            if ended.failure:
                result.failures.append(f"{env} on {side}: {ended.failure}")
                continue
            with (folder / "updates.csv").open() as file:
                losses[side] = [float(row["loss"]) for row in csv.DictReader(file)]
            for line in (folder / "machine.toml").read_text().splitlines():
                if line.startswith("steps_per_second"):
                    speeds[side] = float(line.split("=")[1])
        if len(losses) < 2:
            continue
        pairs = list(zip(losses["cpu"], losses["gpu"]))
        rows += [{"env": env, "update": i + 1, "cpu_loss": a, "gpu_loss": b} for i, (a, b) in enumerate(pairs)]
        apart = [abs(a - b) / max(abs(a), 1e-12) for a, b in pairs]
        worst = max(apart[:ALIKE], default=float("inf"))
        first = next((i + 1 for i, off in enumerate(apart) if off > TOLERANCE), None)
        result.figures.append(
            f"{env}: losses of the first {min(ALIKE, len(apart))} updates agree within {worst:.1e}; "
            + (f"update {first} is the first off by more than" if first else f"all {len(apart)} are within")
            + f" {TOLERANCE}"
            + f"; one agent's steps/s: CPU {speeds['cpu']:,.0f}, GPU {speeds['gpu']:,.0f}"
        )
        if not worst <= TOLERANCE:
            result.failures.append(f"{env}: the first {ALIKE} losses differ by up to {worst:.1e}; allowed: {TOLERANCE}")
    check.write("dqn.csv", rows)


def measured(check, result, file, *runs):
    """The rows of several programs, written to `file`; what failed is noted, and its rows so far are kept."""
    rows = []
    for name, run in runs:
        ended = run()
        if ended.failure:
            result.failures.append(f"{name}: {ended.failure}")
        rows += ended.rows()
        check.write(file, rows)
    return rows


def effort_of(check, repetitions, milliseconds):
    """How long each measurement takes."""
    one = {"REPETITIONS": 1, "MILLISECONDS": 1}
    return one if check.rehearse else {"REPETITIONS": repetitions, "MILLISECONDS": milliseconds}


def resnet(check, result):
    """Whole steps of ResNet-18 with Adam."""
    effort = effort_of(check, 5, 1000) | {"BATCH": 8 if check.rehearse else 256}
    # What PyTorch compiles with; Inductor would take minutes on a CPU.
    compiler = "eager" if check.rehearse else "inductor"
    rows = measured(
        check, result, "resnet.csv",
        ("ours", lambda: check.program("gpu", "resnet", limit=45, **effort)),
        ("torch", lambda: check.script("peers/torch_resnet.py", check.device, compiler, limit=150, **effort)),
    )
    for ours in (row for row in rows if row["library"] == "ours"):
        theirs = [row for row in rows if row["library"] == "torch" and row["precision"] == ours["precision"]]
        speed = float(ours["images_per_second"])
        others = []
        for row in theirs:
            their_speed = float(row["images_per_second"])
            others.append(f"{row['form']} {their_speed:,.0f} (ours / it {speed / their_speed:.2f})")
        result.figures.append(f"{ours['precision']}: {speed:,.0f} images/s; torch: {', '.join(others) or 'not measured'}")


def cohorts(check, result):
    """Agents on breakout, one update a step. The goal is 100,000 agent-steps/s."""
    agents = [1, 2] if check.rehearse else [1, 4, 16, 64, 256, 1024]
    effort = effort_of(check, 3, 1000)
    run = ("ours", lambda: check.program("gpu", "cohorts", *agents, limit=100, **effort))
    for row in measured(check, result, "cohorts.csv", run):
        steps, updates = float(row["agent_steps_per_second"]), float(row["updates_per_second"])
        result.figures.append(f"{row['agents']} agents: {steps:,.0f} agent-steps/s, {updates:,.0f} updates/s")


def optimisers(check, result):
    """Steps of the optimisers, and the card's copy bandwidth."""
    effort = effort_of(check, 5, 20)
    words = ["rmsprop/dqn", "adam/dqn"] if check.rehearse else []
    rows = measured(
        check, result, "optimisers.csv",
        ("ours", lambda: check.program("gpu", "optimisers", *words, limit=50, **effort)),
        ("torch", lambda: check.script("peers/torch_optimisers.py", check.device, *words, limit=60, **effort)),
    )
    copies = [float(row["gb_per_s"]) for row in rows if row["optimiser"] == "copy"]
    if copies:
        result.figures.append(f"copy: {max(copies):,.0f} GB/s, read and written")
    theirs = defaultdict(list)
    for row in rows:
        if row["library"] != "ours":
            theirs[row["optimiser"], row["case"]].append((row["library"], float(row["us_per_step"])))
    for row in rows:
        name, case = row["optimiser"], row["case"]
        if row["library"] != "ours" or name == "copy":
            continue
        us, share = float(row["us_per_step"]), float(row["gb_per_s"]) / max(copies)
        others = [f"{library} {their_us:,.1f} us (it / ours {their_us / us:.2f})" for library, their_us in theirs[name, case]]
        result.figures.append(
            f"{name}, {case}: {us:,.1f} us, {share:.2f} of the copy; {', '.join(others) or 'not measured in torch'}"
        )
