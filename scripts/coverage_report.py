#!/usr/bin/env python3
"""A table of coverage for each folder from gcovr's JSON, and the rule of scripts/coverage.sh; exit 1 when it is broken.

    coverage_report.py [--complete] COVERAGE.JSON    --complete: every pure file must have been measured
"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/lint"))

from checks import purity  # noqa: E402
from checks.tree import Tree  # noqa: E402

LINES_MIN, BRANCHES_MIN = 95.0, 90.0  # percent, of everything measured


class Count:
    def __init__(self):
        self.lines = self.lines_hit = self.branches = self.branches_hit = 0

    def add(self, other):
        for name in ("lines", "lines_hit", "branches", "branches_hit"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


def percent(hit, total):
    return 100.0 * hit / total if total else 100.0


def measure(file):
    """(Count, places not reached) of one file in gcovr's JSON."""
    count, missing = Count(), []
    for line in file["lines"]:
        if line.get("gcovr/noncode"):
            continue
        number, branches = line["line_number"], [branch["count"] > 0 for branch in line["branches"]]
        count.lines += 1
        count.lines_hit += line["count"] > 0
        count.branches += len(branches)
        count.branches_hit += sum(branches)
        if line["count"] == 0:
            missing.append(f"line {number}")
        elif not all(branches):
            missing.append(f"branch in line {number}")
    return count, missing


def row(name, count):
    return (f"{name:24} {count.lines:7} {percent(count.lines_hit, count.lines):7.1f} "
            f"{count.branches:9} {percent(count.branches_hit, count.branches):7.1f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("json", type=pathlib.Path)
    parser.add_argument("--complete", action="store_true")
    arguments = parser.parse_args()
    files = json.loads(arguments.json.read_text())["files"]

    tree = Tree(ROOT)
    pure = set(purity.pure_files(tree.files, purity.read_list(tree.text("tests/lint/pure_files") or ""))[0])
    folders, total, broken = {}, Count(), []
    for file in files:
        count, missing = measure(file)
        folders.setdefault(str(pathlib.PurePath(file["file"]).parent), Count()).add(count)
        total.add(count)
        if file["file"] in pure and missing:
            broken.append(f"{file['file']} is pure, but not reached: {', '.join(missing)}")

    print(f"{'folder':24} {'lines':>7} {'%':>7} {'branches':>9} {'%':>7}")
    for name in sorted(folders):
        print(row(name, folders[name]))
    print(row("total", total))
    if not total.lines:
        broken.append("nothing was measured")
    for what, hit, all_, least in (("lines", total.lines_hit, total.lines, LINES_MIN),
                                   ("branches", total.branches_hit, total.branches, BRANCHES_MIN)):
        if percent(hit, all_) < least:
            broken.append(f"all together {percent(hit, all_):.1f} % of {what}, at least {least:.0f} %")
    measured = pure & {file["file"] for file in files}
    complete = len(measured) - sum("is pure, but" in line for line in broken)
    if arguments.complete:
        broken += [f"{path} is pure, but was not measured" for path in sorted(pure - measured) if path.endswith(".c")]
    print(f"\npure files: {len(measured)} of {len(pure)} measured, {complete} complete")
    for line in broken:
        print(f"FAILED: {line}")
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
