"""The rows of one run of dqn.sh or onpolicy.sh as a Markdown table. usage: dqn_table.py ROWS.csv

Speeds are medians over the runs, with the slowest and the fastest in brackets. A ratio compares the medians within a
round; its brackets give the range over the rounds.
"""

import csv
import sys
from collections import defaultdict
from statistics import mean, median

OURS = "ours"
NAMES = {"ours": "ours", "torch": "PyTorch loop", "sb3": "Stable-Baselines3", "jax": "JAX, compiled whole"}
# By the clock, and of the processor.
TIMES = ("seconds", "cpu_seconds")


def read(path):
    """Agent-steps a second by (case, cores, system), time and round, and the returns; the loads of all."""
    together = defaultdict(list)
    with open(path, newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        together[row["case"], row["cores"], row["system"], row["round"], row["slot"]].append(row)
    speeds = defaultdict(lambda: {time: defaultdict(list) for time in TIMES})
    returns = defaultdict(list)
    for (case, cores, system, turn, _), side_by_side in together.items():
        key = case, cores, system
        for time in TIMES:
            speeds[key][time][turn].append(sum(float(row["steps"]) / float(row[time]) for row in side_by_side))
        returns[key] += [float(row["last_100_return"]) for row in side_by_side]
    return speeds, returns, [float(row["load"]) for row in rows]


def speed(by_round):
    each = [speed for speeds in by_round.values() for speed in speeds]
    return f"{median(each):,.0f} [{min(each):,.0f}, {max(each):,.0f}]"


def ratio(ours, theirs):
    ratios = [median(ours[turn]) / median(theirs[turn]) for turn in theirs]
    return f"{median(ratios):.1f} [{min(ratios):.1f}, {max(ratios):.1f}]"


def main():
    speeds, returns, loads = read(sys.argv[1])
    print(f"The last minute's load before a run: {min(loads):.1f} to {max(loads):.1f}.\n")
    print("| setting | system | agent-steps/s | ours / it | a processor second | ours / it | last 100 returns |")
    print("|" + "---|" * 7)
    for case, cores, system in speeds:
        its, ours = speeds[case, cores, system], speeds[case, cores, OURS]
        where = f"{case}, {cores} core{'s' * (cores != '1')}"
        cells = [where if system == OURS else "", NAMES[system]]
        for time in TIMES:
            cells += [speed(its[time]), "" if system == OURS else ratio(ours[time], its[time])]
        cells.append(f"{mean(returns[case, cores, system]):.0f}" if "breakout" not in case else "")
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
