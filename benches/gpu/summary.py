"""`summary.md`: the machine, and for each step whether it went well, its seconds and its figures."""

import time
import traceback
from dataclasses import dataclass, field
from datetime import date


@dataclass
class Result:
    """What a step found. It went well if nothing failed and something was done."""

    failures: list = field(default_factory=list)
    skipped: list = field(default_factory=list)
    figures: list = field(default_factory=list)

    def word(self):
        if self.failures:
            return "failed"
        return "ok" if self.figures else "skipped"

    def lines(self):
        marked = [f"failed: {failure}" for failure in self.failures] + [f"skipped: {what}" for what in self.skipped]
        return [*self.figures, *marked]


class Summary:
    def __init__(self, check, pack, machine):
        self.check = check
        self.head = {"date": date.today().isoformat(), "commit": pack["commit"], **machine}
        self.results = {}
        self.save()

    def step(self, name, step, limit):
        """Runs a step for `limit` seconds at most and writes down what came of it, whatever happens."""
        began = time.monotonic()
        result = Result()
        self.check.allow(limit)
        if self.check.left() < 10:
            result.skipped.append("no time was left")
        else:
            try:
                step(self.check, result)
            except Exception:
                result.failures.append(traceback.format_exc(limit=-1).strip().replace("\n", " "))
        self.results[name] = (result, time.monotonic() - began)
        print(f"{name}: {result.word()}, {self.results[name][1]:.0f} s", flush=True)
        self.save()

    def sound(self):
        return not any(result.failures for result, _ in self.results.values())

    def save(self):
        (self.check.out / "summary.md").write_text(self.text())

    def text(self):
        what = "A rehearsal on the CPU with tiny sizes: no figure means anything" if self.check.rehearse else "On a GPU"
        parts = [f"# {what}\n"]
        parts += [f"- {name}: {value}" for name, value in self.head.items()]
        parts += ["", "| step | result | seconds |", "|---|---|---|"]
        parts += [f"| {name} | {result.word()} | {seconds:.0f} |" for name, (result, seconds) in self.results.items()]
        for name, (result, _) in self.results.items():
            parts += ["", f"## {name}", "", *(f"- {line}" for line in result.lines())]
        return "\n".join(parts) + "\n"
