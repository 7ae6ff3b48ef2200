"""One training run of PQN as a JAX program that is compiled whole, as CSV on stdout: the row of ../training.rs.

    pqn_jax.py jax pqn|pqn-breakout [STEPS] [SEED]

Needs onpolicy-requirements.txt. Environments are gymnax's, the optimiser is optax's, and the rest is our own: networks, rollouts,
lambda-returns and minibatches in the settings of purejaxql's `pqn_cartpole.yaml` and `pqn_minatar.yaml`, as ours, but for the
number of steps. Start it under taskset for a single core. The convolution is written as a product, because in a loop XLA's own
takes five times as long on a CPU (github.com/jax-ml/jax/issues/12868). Compilation, evaluation and logging are in none of the times.

It differs from ours in what hardly costs time: an episode that is cut off counts as terminated, as in purejaxql, where ours
bootstraps; gymnax's Breakout has three actions and none of them sticks, and ours has six and sticky ones.
"""

import os
import sys
from time import perf_counter, process_time
from typing import NamedTuple

os.environ["XLA_FLAGS"] = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"

import gymnax  # noqa: E402
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402
import optax  # noqa: E402

GAMMA, LONGEST, NORM_EPS = 0.99, 10.0, 1e-6


class Setting(NamedTuple):
    env: str
    filters: int  # of 3 x 3; 0 for none
    hidden: tuple
    obs_scale: float
    reward_scale: float
    envs: int
    length: int
    minibatches: int
    epochs: int
    trace: float
    last_epsilon: float
    exploring: float
    lr: float
    gain: float  # variance of a hidden layer's weights, times its inputs


SETTINGS = {
    "pqn": Setting("CartPole-v1", 0, (256, 256), 1.0, 0.1, 32, 64, 16, 4, 0.95, 0.2, 0.2, 1e-4, 1.0),
    "pqn-breakout": Setting(
        "Breakout-MinAtar", 16, (128,), 1 / 255, 1.0, 128, 32, 32, 2, 0.65, 0.05, 0.1, 5e-4, 2.0
    ),
}


def initial(key, shape, actions, setting):
    """A layer's weight, bias, and the scale and shift of its normalisation; the last layer has none."""
    layers = []

    def add(kernel, inputs, gain, normed):
        nonlocal key
        key, draw = jax.random.split(key)
        outputs = kernel[-1]
        layer = {"w": jax.random.normal(draw, kernel) * (gain / inputs) ** 0.5, "b": jnp.zeros(outputs)}
        if normed:
            layer |= {"scale": jnp.ones(outputs), "shift": jnp.zeros(outputs)}
        layers.append(layer)

    inputs = 1
    for size in shape:
        inputs *= size
    if setting.filters:
        height, width, channels = shape
        add((3, 3, channels, setting.filters), 9 * channels, setting.gain, True)
        inputs = (height - 2) * (width - 2) * setting.filters
    for outputs in setting.hidden:
        add((inputs, outputs), inputs, setting.gain, True)
        inputs = outputs
    add((inputs, actions), inputs, 1.0, False)
    return layers


def normed(layer, x):
    x = x - x.mean(-1, keepdims=True)
    x = x * jax.lax.rsqrt((x * x).mean(-1, keepdims=True) + NORM_EPS)
    return jax.nn.relu(x * layer["scale"] + layer["shift"])


def values(layers, obs, setting):
    x = obs.astype(jnp.float32) * setting.obs_scale
    hidden = layers[:-1]
    if setting.filters:
        conv, hidden = hidden[0], hidden[1:]
        height, width = x.shape[1] - 2, x.shape[2] - 2
        patches = [x[:, i : i + height, j : j + width] for i in range(3) for j in range(3)]
        x = jnp.concatenate(patches, -1) @ conv["w"].reshape(-1, setting.filters) + conv["b"]
        x = normed(conv, x)
        x = x.reshape(x.shape[0], -1)
    for layer in hidden:
        x = normed(layer, x @ layer["w"] + layer["b"])
    return x @ layers[-1]["w"] + layers[-1]["b"]


def program(setting, steps):
    """The functions that start a run and that run it, whole."""
    env, params = gymnax.make(setting.env)
    shape, actions = env.observation_space(params).shape, env.action_space(params).n
    batch = setting.envs * setting.length
    rollouts = steps // batch
    updates = rollouts * setting.minibatches * setting.epochs
    lr = optax.linear_schedule(setting.lr, 0.0, updates)
    optimiser = optax.chain(optax.clip_by_global_norm(LONGEST), optax.radam(lr))

    def loss(layers, obs, action, target):
        chosen = jnp.take_along_axis(values(layers, obs, setting), action[:, None], 1)[:, 0]
        return 0.5 * jnp.square(chosen - target).mean()

    def start(seed):
        key, weights, reset = jax.random.split(jax.random.key(seed), 3)
        layers = initial(weights, shape, actions, setting)
        obs, state = jax.vmap(env.reset, (0, None))(jax.random.split(reset, setting.envs), params)
        return key, layers, optimiser.init(layers), obs, state, jnp.zeros(setting.envs)

    def rollout(carry, number):
        key, layers, moments, obs, state, so_far = carry
        explored = number / max(setting.exploring * rollouts, 1e-9)
        epsilon = jnp.clip(1.0 + (setting.last_epsilon - 1.0) * explored, setting.last_epsilon, 1.0)

        def act(carry, _):
            key, obs, state, so_far = carry
            key, coin, any_action, step = jax.random.split(key, 4)
            q = values(layers, obs, setting)
            random = jax.random.randint(any_action, (setting.envs,), 0, actions)
            explores = jax.random.uniform(coin, (setting.envs,)) < epsilon
            action = jnp.where(explores, random, q.argmax(1))
            keys = jax.random.split(step, setting.envs)
            next_obs, state, reward, *ends, _ = jax.vmap(env.step, (0, 0, 0, None))(keys, state, action, params)
            done = ends[0] | ends[1]
            so_far = so_far + reward
            finished = jnp.where(done, so_far, jnp.nan)
            so_far = jnp.where(done, 0.0, so_far)
            return (key, next_obs, state, so_far), (obs, action, setting.reward_scale * reward, done, q.max(1), finished)

        (key, obs, state, so_far), seen = jax.lax.scan(act, (key, obs, state, so_far), None, setting.length)
        seen_obs, action, reward, done, best, finished = seen

        def back(following, step):
            target, value = following
            reward, done, own = step
            mixed = (1.0 - setting.trace) * value + setting.trace * target
            target = reward + GAMMA * (1.0 - done) * mixed
            return (target, own), target

        last = values(layers, obs, setting).max(1)
        _, target = jax.lax.scan(back, (last, last), (reward, done, best), reverse=True)
        flat = [x.reshape(batch, *x.shape[2:]) for x in (seen_obs, action, target)]

        def minibatch(carry, indices):
            layers, moments = carry
            found, gradient = jax.value_and_grad(loss)(layers, *[x[indices] for x in flat])
            change, moments = optimiser.update(gradient, moments, layers)
            return (optax.apply_updates(layers, change), moments), found

        key, order = jax.random.split(key)
        orders = [jax.random.permutation(k, batch) for k in jax.random.split(order, setting.epochs)]
        indices = jnp.concatenate(orders).reshape(setting.epochs * setting.minibatches, -1)
        (layers, moments), losses = jax.lax.scan(minibatch, (layers, moments), indices)
        return (key, layers, moments, obs, state, so_far), (losses.mean(), finished)

    def train(carry):
        return jax.lax.scan(rollout, carry, jnp.arange(rollouts))

    return start, train, rollouts * batch, updates


def main():
    system, name = sys.argv[1], sys.argv[2]
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    if system != "jax" or name not in SETTINGS:
        sys.exit(f"{system} {name} is not allowed; allowed: jax pqn, jax pqn-breakout")
    start, train, made, updates = program(SETTINGS[name], steps)
    carry = jax.block_until_ready(jax.jit(start)(seed))
    compiled = jax.jit(train).lower(carry).compile()
    clock, processor = perf_counter(), process_time()
    _, (losses, finished) = jax.block_until_ready(compiled(carry))
    seconds, cpu_seconds = perf_counter() - clock, process_time() - processor
    if not jnp.isfinite(losses).all():
        sys.exit("the loss is not finite")
    returns = finished.ravel()
    last = returns[~jnp.isnan(returns)][-100:].mean()
    print("system,case,steps,seed,updates,seconds,cpu_seconds,last_100_return")
    print(f"{system},{name},{made},{seed},{updates},{seconds:.4f},{cpu_seconds:.4f},{last:.2f}")


if __name__ == "__main__":
    main()
