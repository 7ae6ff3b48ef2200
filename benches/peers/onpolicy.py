"""One training run without replay in PyTorch or Stable-Baselines3, as CSV on stdout: the row of ../training.rs.

    onpolicy.py torch|sb3 a2c [STEPS] [SEED]

A2C on Gymnasium's CartPole in rl-zoo's setting: 8 environments, 5 steps an update, RMSprop. `torch` is a plain loop of
our own around PyTorch, with nothing in it that training does not need: no logging, no evaluation, environments called
one after the other, the foreach form of the optimiser. One thread. The clock runs from the first reset to the last
step.
"""

import sys
from collections import deque
from statistics import mean
from time import perf_counter, process_time

import gymnasium
import numpy as np
import torch
from torch import nn

ENVS, STEPS_AN_UPDATE, GAMMA, VALUE_WEIGHT, LONGEST = 8, 5, 0.99, 0.5, 0.5


def network(outputs, gain):
    layers = [nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, outputs)]
    for layer, size in zip(layers[::2], (2**0.5, 2**0.5, gain)):
        nn.init.orthogonal_(layer.weight, size)
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def plain_loop(steps, seed):
    """Updates made, and the returns of the training's episodes."""
    envs = [gymnasium.make("CartPole-v1", disable_env_checker=True) for _ in range(ENVS)]
    policy, value = network(2, 0.01), network(1, 1.0)
    parameters = [*policy.parameters(), *value.parameters()]
    optimiser = torch.optim.RMSprop(parameters, lr=7e-4, alpha=0.99, eps=1e-5, foreach=True)
    obs = np.stack([env.reset(seed=seed * 1000 + i)[0] for i, env in enumerate(envs)])
    episodes, returns, updates = np.zeros(ENVS), deque(maxlen=100), 0
    shape = (STEPS_AN_UPDATE, ENVS)
    while (updates + 1) * STEPS_AN_UPDATE * ENVS <= steps:
        seen = np.zeros((*shape, 4), np.float32)
        actions, rewards = np.zeros(shape, np.int64), np.zeros(shape, np.float32)
        going_on = np.ones(shape, np.float32)
        for step in range(STEPS_AN_UPDATE):
            seen[step] = obs
            with torch.inference_mode():
                logits = policy(torch.from_numpy(obs))
                chosen = torch.multinomial(torch.softmax(logits, 1), 1).squeeze(1).numpy()
            actions[step] = chosen
            for i, env in enumerate(envs):
                next_obs, reward, terminated, truncated, _ = env.step(chosen[i])
                episodes[i] += reward
                rewards[step, i] = reward
                if terminated or truncated:
                    going_on[step, i] = 0.0
                    if not terminated:
                        with torch.inference_mode():
                            rewards[step, i] += GAMMA * value(torch.from_numpy(next_obs)).item()
                    returns.append(episodes[i])
                    episodes[i], next_obs = 0.0, env.reset()[0]
                obs[i] = next_obs
        batch = torch.from_numpy(seen).view(-1, 4)
        with torch.inference_mode():
            target = value(torch.from_numpy(obs)).squeeze(1).numpy()
        targets = np.zeros(shape, np.float32)
        for step in reversed(range(STEPS_AN_UPDATE)):
            target = rewards[step] + GAMMA * going_on[step] * target
            targets[step] = target
        targets = torch.from_numpy(targets).view(-1)
        values = value(batch).squeeze(1)
        log_pi = torch.log_softmax(policy(batch), 1).gather(1, torch.from_numpy(actions).view(-1, 1)).squeeze(1)
        off = targets - values
        loss = VALUE_WEIGHT * off.square().mean() - (off.detach() * log_pi).mean()
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, LONGEST, foreach=True)
        optimiser.step()
        updates += 1
    return updates, returns


def stable_baselines(steps, seed):
    from stable_baselines3 import A2C
    from stable_baselines3.common.env_util import make_vec_env

    model = A2C("MlpPolicy", make_vec_env("CartPole-v1", n_envs=ENVS, seed=seed), device="cpu", seed=seed)

    def learn():
        model.learn(steps)
        return model._n_updates, [episode["r"] for episode in model.ep_info_buffer]

    return learn


def warm_up():
    """An update before the clock runs: PyTorch loads parts of itself in the first."""
    net = network(2, 1.0)
    net(torch.zeros(8, 4)).square().mean().backward()
    torch.optim.RMSprop(net.parameters()).step()


def main():
    system, name = sys.argv[1], sys.argv[2]
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else 100_000
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    if name != "a2c" or system not in ("torch", "sb3"):
        sys.exit(f"{system} {name} is not allowed; allowed: torch a2c, sb3 a2c")
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    warm_up()
    learn = stable_baselines(steps, seed) if system == "sb3" else lambda: plain_loop(steps, seed)
    clock, processor = perf_counter(), process_time()
    updates, returns = learn()
    seconds, cpu_seconds = perf_counter() - clock, process_time() - processor
    print("system,case,steps,seed,updates,seconds,cpu_seconds,last_100_return")
    last = mean(returns) if returns else float("nan")
    print(f"{system},{name},{steps},{seed},{updates},{seconds:.4f},{cpu_seconds:.4f},{last:.2f}")


if __name__ == "__main__":
    main()
