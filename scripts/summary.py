#!/usr/bin/env python3
"""Adds up JUnit files (ctest's and pytest's) and ends with "N passed, N failed, N skipped".

    summary.py FOLDER [--failed-stage "a b"] [--skipped-stage "c"]

A failed stage whose tests all passed (or that has none: a build, a lint) counts as one failure itself, so
the sum is never green when something was red. Exit 1 when anything failed or nothing passed.
"""

import argparse
import pathlib
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """passed, failed or skipped; ctest marks failures with an attribute, pytest with a child."""
    status = case.get("status", "")
    if status == "fail" or case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    if status in ("notrun", "disabled") or case.find("skipped") is not None:
        return "skipped"
    return "passed"


def count(path):
    """The outcomes in one file. One that cannot be read is a failure."""
    counts = {"passed": 0, "failed": 0, "skipped": 0}
    try:
        cases = ElementTree.parse(path).iter("testcase")
        for case in cases:
            result = outcome(case)
            counts[result] += 1
            if result != "passed":
                print(f"  {result}: {path.stem}: {case.get('classname', '')} {case.get('name')}")
    except ElementTree.ParseError as error:
        print(f"  failed: {path}: {error}")
        counts["failed"] += 1
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--failed-stage", default="", metavar="NAMES")
    parser.add_argument("--skipped-stage", default="", metavar="NAMES")
    arguments = parser.parse_args()
    total = {"passed": 0, "failed": 0, "skipped": len(arguments.skipped_stage.split())}
    explained = set()
    for path in sorted(arguments.folder.glob("*.xml")):
        counts = count(path)
        if counts["failed"]:
            explained.add(path.stem)
        for key, value in counts.items():
            total[key] += value
    for stage in arguments.failed_stage.split():
        if stage not in explained:
            print(f"  failed: stage {stage}")
            total["failed"] += 1
    print("{passed} passed, {failed} failed, {skipped} skipped".format(**total))
    return 1 if total["failed"] or not total["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
