"""One DQN training run in PyTorch or Stable-Baselines3, as CSV on stdout: the row of ../training.rs.

    dqn.py torch|sb3 cartpole|breakout [STEPS] [SEED]

The settings are those of ../training.rs. `torch` is a plain PyTorch loop that we wrote; it does only what training needs: no
logging, no evaluation, replay in arrays, the fused or foreach form of the optimiser. CartPole is Gymnasium's and
breakout is the package MinAtar's. It runs on one thread. The clock runs from the first reset to the last step.
"""

import random
import sys
from collections import deque
from statistics import mean
from time import perf_counter, process_time

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F


class CartPole:
    """CleanRL's setting."""

    steps, shape, actions = 100_000, (4,), 2
    gamma, batch, capacity = 0.99, 128, 10_000
    learning_starts, train_frequency, target_frequency = 10_000, 10, 500
    end_e = 0.05
    observed = np.float32

    def __init__(self, seed):
        import gymnasium

        self.env = gymnasium.make("CartPole-v1", disable_env_checker=True)
        self.seed = seed

    def exploration(self, steps):
        return steps / 2

    def network(self):
        return nn.Sequential(nn.Linear(4, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 2))

    def optimiser(self, parameters):
        return torch.optim.Adam(parameters, lr=2.5e-4, fused=True)

    loss = staticmethod(F.mse_loss)

    def reset(self):
        seed, self.seed = self.seed, None
        return self.env.reset(seed=seed)[0]

    def step(self, action):
        obs, reward, terminated, truncated, _ = self.env.step(action)
        return obs, reward, terminated, truncated


class Breakout:
    """MinAtar's setting, except that there are few steps without updates."""

    steps, shape, actions = 5_000, (4, 10, 10), 6
    gamma, batch, capacity = 0.99, 32, 100_000
    learning_starts, train_frequency, target_frequency = 100, 1, 1_000
    end_e = 0.1
    observed = np.bool_

    def __init__(self, seed):
        from minatar import Environment

        self.env = Environment("breakout")
        self.env.seed(seed)

    def exploration(self, steps):
        return 100

    def network(self):
        return nn.Sequential(
            nn.Conv2d(4, 16, 3), nn.ReLU(), nn.Flatten(), nn.Linear(1024, 128), nn.ReLU(), nn.Linear(128, 6)
        )

    def optimiser(self, parameters):
        return torch.optim.RMSprop(parameters, lr=2.5e-4, alpha=0.95, eps=0.01, centered=True, foreach=True)

    loss = staticmethod(F.smooth_l1_loss)

    def reset(self):
        self.env.reset()
        return self.env.state().transpose(2, 0, 1)

    def step(self, action):
        reward, terminated = self.env.act(action)
        return self.env.state().transpose(2, 0, 1), reward, terminated, False


class Replay:
    """The last transitions, in arrays."""

    def __init__(self, case, seed):
        n = case.capacity
        self.obs = np.zeros((n, *case.shape), case.observed)
        self.next_obs = np.zeros((n, *case.shape), case.observed)
        self.actions = np.zeros((n, 1), np.int64)
        self.rewards = np.zeros(n, np.float32)
        self.going_on = np.zeros(n, np.float32)
        self.pushed = 0
        self.random = np.random.default_rng(seed)

    def push(self, obs, action, reward, next_obs, terminated):
        i = self.pushed % len(self.actions)
        self.obs[i], self.next_obs[i] = obs, next_obs
        self.actions[i], self.rewards[i], self.going_on[i] = action, reward, not terminated
        self.pushed += 1

    def sample(self, n):
        at = self.random.integers(min(self.pushed, len(self.actions)), size=n)
        tensor = torch.from_numpy
        return (
            tensor(self.obs[at]).float(),
            tensor(self.actions[at]),
            tensor(self.rewards[at]),
            tensor(self.next_obs[at]).float(),
            tensor(self.going_on[at]),
        )


def plain_loop(case, steps, seed):
    """Returns the number of updates and the returns of the training episodes."""
    online, frozen = case.network(), case.network()
    frozen.load_state_dict(online.state_dict())
    optimiser = case.optimiser(online.parameters())
    replay = Replay(case, seed)
    updates, returns, episode = 0, deque(maxlen=100), 0.0
    duration = case.exploration(steps)
    obs = case.reset()
    for step in range(steps):
        epsilon = max(case.end_e, 1 + (case.end_e - 1) * step / duration)
        if random.random() < epsilon:
            action = random.randrange(case.actions)
        else:
            with torch.inference_mode():
                seen = torch.from_numpy(np.asarray(obs, np.float32)).unsqueeze(0)
                action = online(seen).argmax(1).item()
        next_obs, reward, terminated, truncated = case.step(action)
        replay.push(obs, action, reward, next_obs, terminated)
        obs = next_obs
        episode += float(reward)
        if terminated or truncated:
            returns.append(episode)
            episode, obs = 0.0, case.reset()
        if step <= case.learning_starts:
            continue
        if step % case.train_frequency == 0:
            b_obs, actions, rewards, b_next, going_on = replay.sample(case.batch)
            with torch.no_grad():
                target = rewards + case.gamma * going_on * frozen(b_next).amax(1)
            loss = case.loss(online(b_obs).gather(1, actions).squeeze(1), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            updates += 1
        if step % case.target_frequency == 0:
            frozen.load_state_dict(online.state_dict())
    return updates, returns


def warm_up(case):
    """Makes an update before the clock starts, because PyTorch loads parts of itself in the first one."""
    network = case.network()
    optimiser = case.optimiser(network.parameters())
    network(torch.zeros(case.batch, *case.shape)).square().mean().backward()
    optimiser.step()


def stable_baselines(steps, seed):
    """CartPole only. Stable-Baselines3's DQN uses Huber's loss and always clips the gradient's norm."""
    from stable_baselines3 import DQN

    model = DQN(
        "MlpPolicy",
        "CartPole-v1",
        learning_rate=2.5e-4,
        buffer_size=10_000,
        learning_starts=10_000,
        batch_size=128,
        train_freq=10,
        gradient_steps=1,
        target_update_interval=500,
        exploration_fraction=0.5,
        exploration_final_eps=0.05,
        policy_kwargs={"net_arch": [120, 84]},
        device="cpu",
        seed=seed,
    )

    def learn():
        model.learn(steps)
        return model._n_updates, [episode["r"] for episode in model.ep_info_buffer]

    return learn


def main():
    system, name = sys.argv[1], sys.argv[2]
    kind = {"cartpole": CartPole, "breakout": Breakout}[name]
    steps = int(sys.argv[3]) if len(sys.argv) > 3 else kind.steps
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    random.seed(seed)
    case = kind(seed)
    warm_up(case)
    if system == "sb3":
        if name != "cartpole":
            sys.exit("sb3 is compared on cartpole alone")
        learn = stable_baselines(steps, seed)
    else:

        def learn():
            return plain_loop(case, steps, seed)

    clock, processor = perf_counter(), process_time()
    updates, returns = learn()
    seconds, cpu_seconds = perf_counter() - clock, process_time() - processor
    print("system,case,steps,seed,updates,seconds,cpu_seconds,last_100_return")
    last = mean(returns) if returns else float("nan")
    print(f"{system},{name},{steps},{seed},{updates},{seconds:.4f},{cpu_seconds:.4f},{last:.2f}")


if __name__ == "__main__":
    main()
