"""The rows of one run of optimisers.sh as Markdown tables. usage: table.py ROWS.csv

Figures are medians over the rounds, with the smallest and the largest of any repetition in brackets. A
ratio is taken within each round; its brackets give the range over the rounds. Shares are relative to one copy: that of the
fastest library in each round.
"""
import csv
import sys
from collections import defaultdict
from statistics import median

OURS = "ours"


def read(path):
    """Rows by (case, optimiser, library), and the best copy of each round."""
    rows, copies = defaultdict(list), defaultdict(float)
    with open(path, newline="") as file:
        for row in csv.DictReader(file):
            rows[row["case"], row["optimiser"], row["library"]].append(row)
            copies[row["round"]] = max(copies[row["round"]], float(row["copy_gb_per_s"]))
    return rows, copies


def middle(rows, column):
    return median(float(row[column]) for row in rows)


def time(rows):
    least = min(float(row["us_min"]) for row in rows)
    most = max(float(row["us_max"]) for row in rows)
    return f"{digits(middle(rows, 'us_per_step'))} [{digits(least)}, {digits(most)}]"


def digits(x):
    return f"{x:,.0f}" if x >= 1000 else f"{x:.1f}" if x >= 100 else f"{x:.2f}"


def ratio(theirs, ours):
    """How many times longer theirs takes, round by round."""
    by_round = {row["round"]: float(row["us_per_step"]) for row in ours}
    ratios = [float(row["us_per_step"]) / by_round[row["round"]] for row in theirs if row["round"] in by_round]
    if not ratios:
        return ""
    return f"{median(ratios):.2f} [{min(ratios):.2f}, {max(ratios):.2f}]"


def best_torch(rows, case, optimiser):
    """PyTorch's fastest form of `optimiser`, if it has that optimiser."""
    forms = [lib for c, o, lib in rows if (c, o) == (case, optimiser) and lib.startswith("torch")]
    return min(forms, key=lambda form: middle(rows[case, optimiser, form], "us_per_step"), default=None)


def line(rows, copies, case, optimiser):
    ours = rows[case, optimiser, OURS]
    form = best_torch(rows, case, optimiser)
    torch = rows[case, optimiser, form] if form else []
    shares = [float(row["gb_per_s"]) / copies[row["round"]] for row in ours]
    peers = [rows.get((case, optimiser, peer), []) for peer in ("candle-optimisers", "candle-nn")]
    return [
        f"`{optimiser}`",
        time(ours),
        f"{middle(ours, 'ns_per_parameter'):.3f}",
        f"{middle(ours, 'gb_per_s'):.1f}",
        f"{median(shares):.2f} [{min(shares):.2f}, {max(shares):.2f}]",
        f"{time(torch)}, {form.removeprefix('torch').strip() or 'plain'}" if torch else "none",
        ratio(torch, ours),
        *(ratio(peer, ours) for peer in peers),
    ]


def main():
    rows, copies = read(sys.argv[1])
    each = ", ".join(f"{copy:.1f}" for copy in copies.values())
    print(f"Copy bandwidth, GB/s, by round: {each}. What fits in the caches can go faster than it.\n")
    head = [
        "optimiser",
        "ours, us a step",
        "ns a parameter",
        "GB/s",
        "share of copy",
        "torch's best, us a step",
        "torch / ours",
        "candle-optimisers / ours",
        "candle-nn / ours",
    ]
    for case in dict.fromkeys(case for case, _, _ in rows):
        print(f"### {case}\n")
        print("| " + " | ".join(head) + " |")
        print("|" + "---|" * len(head))
        for optimiser in dict.fromkeys(o for c, o, lib in list(rows) if c == case and lib == OURS):
            print("| " + " | ".join(line(rows, copies, case, optimiser)) + " |")
        print()


if __name__ == "__main__":
    main()
