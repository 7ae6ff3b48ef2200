"""The rows of one run of environments.sh as a Markdown table. usage: environments_table.py ROWS.csv

Steps per second are medians over the rounds. A ratio is taken within each round; its brackets give the range over
the rounds.
"""

import csv
import sys
from collections import defaultdict
from statistics import median

PEERS = [("gymnasium", "1"), ("minatar", "1"), ("gymnax", "1"), ("gymnax", "256")]


def read(path):
    """Nanoseconds a step by (environment, library, how many side by side), by round."""
    rows = defaultdict(dict)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            key = row["environment"], row["library"], row["side_by_side"]
            rows[key][row["round"]] = float(row["ns_per_step"])
    return rows


def ratio(theirs, ours):
    """How many times longer theirs takes, round by round."""
    ratios = [theirs[r] / ours[r] for r in theirs if r in ours]
    if not ratios:
        return ""
    return f"{median(ratios):,.0f} [{min(ratios):,.0f}, {max(ratios):,.0f}]"


def main():
    rows = read(sys.argv[1])
    print()
    print("| environment | ours, M steps/s | Gymnasium | MinAtar (Python) | gymnax | gymnax, 256 under vmap |")
    print("|---|---|---|---|---|---|")
    for environment, library, side_by_side in rows:
        if library == "ours":
            ours = rows[environment, library, side_by_side]
            rate = 1e3 / median(ours.values())
            ratios = [ratio(rows[environment, *peer], ours) if (environment, *peer) in rows else "" for peer in PEERS]
            print(f"| {environment} | {rate:.1f} | " + " | ".join(ratios) + " |")
    print()
    print("The peers' columns say how many times longer a step takes them.")


if __name__ == "__main__":
    main()
