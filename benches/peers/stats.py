"""rliable's intervals of the tables in stats/benches/stats.rs, with 10,000 resamples, as CSV on stdout.

Needs stats/tests/fixtures/requirements.txt. Milliseconds are the median of REPETITIONS (3).
"""

import os
import time

import numpy as np
from rliable import library, metrics

RESAMPLES = 10_000
AGGREGATES = {
    "iqm": metrics.aggregate_iqm,
    "mean": metrics.aggregate_mean,
    "median": metrics.aggregate_median,
    "optimality gap": metrics.aggregate_optimality_gap,
}
# rliable takes a minute and more for these: timed with so many resamples, and scaled.
FEW = 200


def table(runs, tasks, arm):
    mixed = (np.arange(runs)[:, None] * 7919 + np.arange(tasks) * 104_729 + arm * 611_953) % 1000
    return mixed * mixed % 1000 / 1000


def measure(name, statistic, resamples, repetitions, of):
    times = []
    for _ in range(repetitions):
        start = time.perf_counter()
        point, lo, hi = of(resamples)
        times.append((time.perf_counter() - start) * 1e3 * RESAMPLES / resamples)
    times.sort()
    row = f"{times[len(times) // 2]:.2f},{times[0]:.2f},{times[-1]:.2f},{point:.6f},{lo:.4f},{hi:.4f}"
    print(f"{name},{statistic},{row}", flush=True)


def main():
    repetitions = int(os.environ.get("REPETITIONS", "3"))
    print("table,statistic,ms,ms_min,ms_max,point,lo,hi")
    for runs, tasks in ((10, 100), (100, 10)):
        name, a, b = f"{runs}x{tasks}", table(runs, tasks, 0), table(runs, tasks, 1)
        for statistic, aggregate in AGGREGATES.items():

            def estimate(resamples):
                of = lambda x: np.array([aggregate(x)])
                point, interval = library.get_interval_estimates({"a": a}, of, reps=resamples)
                return point["a"][0], interval["a"][0, 0], interval["a"][1, 0]

            measure(name, statistic, RESAMPLES, repetitions, estimate)

        def improvement(resamples):
            of = lambda x, y: np.array([metrics.probability_of_improvement(x, y)])
            point, interval = library.get_interval_estimates({"ab": (a, b)}, of, reps=resamples)
            return point["ab"][0], interval["ab"][0, 0], interval["ab"][1, 0]

        measure(name, "improvement", FEW, repetitions, improvement)
        thresholds = np.arange(101) / 100

        def profile(resamples):
            points, bands = library.create_performance_profile({"a": a}, thresholds, reps=resamples)
            return points["a"][50], bands["a"][0, 50], bands["a"][1, 50]

        measure(name, "profile at 101 scores", FEW, repetitions, profile)


if __name__ == "__main__":
    main()
