"""What the machine is: its card and driver, PyTorch, processor and memory."""

import json
import os
import platform
import re
import subprocess
import sys
from pathlib import Path

TORCH = """
import json, torch
there = torch.cuda.is_available()
print(json.dumps({
    "torch": torch.__version__,
    "card": torch.cuda.get_device_name(0) if there else None,
}))
"""


def describe(check):
    """Names and values, for the summary."""
    found = {"card": "none was found", "driver": "none was found", "PyTorch": "none was found"}
    ended = check.run([sys.executable, "-c", TORCH], limit=90, environment={})
    if not ended.failure:
        torch = json.loads(ended.stdout.splitlines()[-1])
        found["PyTorch"] = torch["torch"]
        found["card"] = torch["card"] or found["card"]
    try:
        query = ["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"]
        answer = subprocess.run(query, capture_output=True, text=True, timeout=30, check=True).stdout
        name, memory, found["driver"] = [part.strip() for part in answer.splitlines()[0].split(",")]
        found["card"] = f"{name}, {memory}"
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        pass
    found["processor"] = f"{processor()}, {os.cpu_count()} cores"
    return found


def processor():
    try:
        names = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    except OSError:
        names = None
    return names.group(1) if names else platform.machine()
