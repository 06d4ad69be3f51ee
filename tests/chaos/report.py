"""What a run was and came to: a JSON file, and the same as a table."""

import datetime
import json
import platform
import subprocess

import servers as addresses


def commit():
    command = ["git", "-C", str(addresses.CHECKOUT), "describe", "--always", "--dirty", "--abbrev=12"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def machine():
    with open("/proc/meminfo", encoding="ascii") as file:
        kib = int(file.readline().split()[1])
    return {
        "cores": len(addresses.os.sched_getaffinity(0)),
        "memory_gib": round(kib / (1 << 20)),
        "kernel": platform.release(),
    }


class Report:
    """Counts per fault, as they happen; everything else is added at the end."""

    def __init__(self, seed, minutes):
        self.started = datetime.datetime.now(datetime.timezone.utc)
        self.head = {
            "seed": seed,
            "minutes": minutes,
            "commit": commit(),
            "date": self.started.isoformat(timespec="seconds"),
            "machine": machine(),
        }
        self.faults = {}  # name -> [planned, took effect]
        self.body = {}

    def count(self, name, effects, planned=1):
        row = self.faults.setdefault(name, [0, 0])
        row[0] += planned
        row[1] += effects

    def minutes(self):
        passed = datetime.datetime.now(datetime.timezone.utc) - self.started
        return passed.total_seconds() / 60

    def line(self, text):
        print(f"{self.minutes():6.2f} {text}", flush=True)

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"chaos-{self.started:%Y%m%dT%H%M%SZ}.json"
        faults = {
            name: {"planned": planned, "took_effect": effects}
            for name, (planned, effects) in sorted(self.faults.items())
        }
        text = json.dumps({**self.head, **self.body, "faults": faults}, indent=1, ensure_ascii=False)
        path.write_text(text + "\n", encoding="utf-8")
        return path

    def show(self):
        print(f"\n{'fault':34} {'planned':>8} {'took effect':>12}")
        for name, (planned, effects) in sorted(self.faults.items()):
            print(f"{name:34} {planned:8} {effects:12}")
        print()
        for name, value in self.body.items():
            if not isinstance(value, (dict, list)):
                print(f"{name:34} {value}")
        for text in self.body["wrong"]:
            print(f"WRONG {text}")
