"""Steps a second of Gymnasium, the Python MinAtar and gymnax with random actions, as CSV on stdout.

    python environments.py [NAME...]

Needs requirements_environments.txt. Actions are drawn before the clock starts, resets are included, and
everything runs on one thread. gymnax steps one environment in a compiled loop, and 256 in parallel
under vmap; compilation is not counted. MILLISECONDS (200) is the length of each repetition, REPETITIONS (5) their
number.
"""

import csv
import os
import sys
import time
from importlib.metadata import version

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import gymnasium  # noqa: E402
import gymnax  # noqa: E402
import jax  # noqa: E402
import minatar  # noqa: E402
import numpy as np  # noqa: E402

SPAN = float(os.environ.get("MILLISECONDS", 200)) / 1000
REPETITIONS = int(os.environ.get("REPETITIONS", 5))
LOOP = 1000

# Our name, Gymnasium's, MinAtar's, gymnax's.
ENVIRONMENTS = [
    ("cartpole", "CartPole-v1", None, "CartPole-v1"),
    ("acrobot", "Acrobot-v1", None, "Acrobot-v1"),
    ("mountain_car", "MountainCar-v0", None, "MountainCar-v0"),
    ("asterix", None, "asterix", "Asterix-MinAtar"),
    ("breakout", None, "breakout", "Breakout-MinAtar"),
    ("freeway", None, "freeway", "Freeway-MinAtar"),
    ("seaquest", None, "seaquest", None),  # gymnax 1.0.1 lists it without having it
    ("space_invaders", None, "space_invaders", "SpaceInvaders-MinAtar"),
    ("catch", None, None, "Catch-bsuite"),
    ("deep_sea", None, None, "DeepSea-bsuite"),
]


def of_gymnasium(id):
    env = gymnasium.make(id)
    env.reset(seed=1)
    actions = np.random.default_rng(1).integers(env.action_space.n, size=LOOP).tolist()

    def loop():
        for action in actions:
            _, _, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return LOOP

    return loop


def of_minatar(name):
    env = minatar.Environment(name)
    env.seed(1)
    env.reset()
    actions = np.random.default_rng(1).integers(env.num_actions(), size=LOOP).tolist()

    def loop():
        for action in actions:
            _, ended = env.act(action)
            env.state()
            if ended:
                env.reset()
        return LOOP

    return loop


def of_gymnax(name, batch):
    env, params = gymnax.make(name)
    actions = env.action_space(params).n

    def step(carry, _):
        key, state = carry
        key, choose, draw = jax.random.split(key, 3)
        action = jax.random.randint(choose, (), 0, actions)
        # It resets by itself.
        observation, state, reward, done, *_ = env.step(draw, state, action, params)
        return (key, state), (observation.sum(), reward, done)

    def run(key, state):
        carry, seen = jax.lax.scan(step, (key, state), None, LOOP)
        return carry, jax.tree.map(lambda x: x.sum(), seen)

    keys = jax.random.split(jax.random.key(1), batch)
    _, state = jax.vmap(env.reset, (0, None))(keys, params)
    compiled = jax.jit(jax.vmap(run))
    carry = [jax.block_until_ready(compiled(keys, state))[0]]

    def loop():
        carry[0], seen = compiled(*carry[0])
        jax.block_until_ready(seen)
        return LOOP * batch

    return loop


def measure(library, name, batch, loop, out):
    loop()
    rates = []
    for _ in range(REPETITIONS):
        start, steps = time.perf_counter(), 0
        while time.perf_counter() - start < SPAN:
            steps += loop()
        rates.append((time.perf_counter() - start) * 1e9 / steps)
    rates.sort()
    middle = rates[len(rates) // 2]
    row = [f"{middle:.1f}", f"{rates[0]:.1f}", f"{rates[-1]:.1f}", f"{1e3 / middle:.6f}"]
    out.writerow([library, name, batch, *row, REPETITIONS])
    sys.stdout.flush()


def main():
    wanted = sys.argv[1:]
    out = csv.writer(sys.stdout, lineterminator="\n")
    columns = ["ns_per_step", "ns_min", "ns_max", "million_steps_per_s", "repetitions"]
    out.writerow(["library", "environment", "side_by_side", *columns])
    packages = ["gymnasium", "minatar", "gymnax", "jax"]
    print(", ".join(f"{p} {version(p)}" for p in packages), file=sys.stderr)
    for name, in_gymnasium, in_minatar, in_gymnax in ENVIRONMENTS:
        if wanted and name not in wanted:
            continue
        if in_gymnasium:
            measure("gymnasium", name, 1, of_gymnasium(in_gymnasium), out)
        if in_minatar:
            measure("minatar", name, 1, of_minatar(in_minatar), out)
        if in_gymnax:
            measure("gymnax", name, 1, of_gymnax(in_gymnax, 1), out)
            measure("gymnax", name, 256, of_gymnax(in_gymnax, 256), out)


if __name__ == "__main__":
    main()
