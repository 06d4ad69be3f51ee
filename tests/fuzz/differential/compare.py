#!/usr/bin/env python3
"""Both comparisons in full; tests/fuzz/differential/run calls it."""

import argparse
import pathlib
import sys

import avro_pairs
import readers
import resolutions
import signatures

BATCH = 50_000


def compare_readers(arguments):
    comparison = readers.Comparison()
    path = arguments.work / "pairs"
    for seed in range(arguments.seed, arguments.seed + -(-arguments.pairs // BATCH)):
        batches = list(avro_pairs.pairs(seed, min(BATCH, arguments.pairs - comparison.pairs)))
        avro_pairs.write(path, batches)
        comparison.add(batches, readers.walker(arguments.programs / "differ_walk", path),
                       {"fastavro": readers.fastavro_verdicts(batches),
                        "java": readers.java(arguments.class_path, path)})
        print(f"\r{comparison.pairs} pairs", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    comparison.report()
    return len(comparison.unexplained)


def compare_signatures(arguments):
    different = signatures.compare(arguments.programs / "differ_sigv4", arguments.seed, arguments.requests)
    print(f"{arguments.requests} requests, {len(different)} signed otherwise by botocore")
    for row in different[:3]:
        print(f"  {row}")
    return len(different)


def compare_resolutions(arguments):
    found = resolutions.pairs(arguments.seed, arguments.resolutions)
    verdicts = resolutions.ours(arguments.programs / "differ_resolve", found)
    theirs = resolutions.java(arguments.class_path, found)
    different = [(*pair, a, b) for pair, a, b in zip(found, verdicts, theirs)
                 if (a == "readable") != (b == "readable")]
    different += resolutions.fastavro_fails(arguments.seed, found, verdicts)
    readable = verdicts.count("readable")
    print(f"{len(found)} pairs of schemas, {readable} readable, {len(different)} otherwise by Java or fastavro")
    for row in different[:3]:
        print(f"  {row}")
    return len(different)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", type=pathlib.Path, required=True)
    parser.add_argument("--class-path", required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--resolutions", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    failures = compare_signatures(arguments) + compare_resolutions(arguments) + compare_readers(arguments)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
