#!/usr/bin/env python3
"""Millions of records, once through everything: the figures that a release is judged by.

    large.py [--records 5000000] [--minio] [--ledger FOLDER] [--keep FOLDER]

Fills a topic (8 partitions, alternating schema versions, broken values, tombstones, transactions,
all compressions), archives it with the catalogue in PostgreSQL, stops the worker once nothing is
left, and has the independent checker read everything back. --minio: into MinIO instead of
versitygw, 500,000 records. --ledger: takes a topic that was filled before. Prints one JSON object;
exit 1 when anything is wrong.
"""

import argparse
import json
import os
import pathlib
import resource
import secrets
import sys
import tempfile
import time

import psycopg

import checker
import ledger as ledgers
import servers as addresses
import silt_run

PARTITIONS = 8
BAD_RATIO, TOMBSTONE_RATIO = 0.001, 0.002


def fill(servers, options):
    if options.ledger:
        return ledgers.Ledger.load(options.ledger)
    given = ["--brokers", servers.get("BROKERS"), "--registry", servers.get("REGISTRY_URL")]
    given += ["--topic", f"large-{secrets.token_hex(4)}", "--records", str(options.records)]
    given += ["--partitions", str(PARTITIONS), "--bad-ratio", str(BAD_RATIO)]
    ledger = ledgers.fill(ledgers.parse([*given, "--tombstone-ratio", str(TOMBSTONE_RATIO)]))
    if options.keep:
        ledger.save(options.keep)
    return ledger


def archive(run):
    """Until the lag is 0, then SIGTERM. Seconds, CPU seconds and peak memory of the worker."""
    before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    worker = run.start()
    worker.wait_status(lambda status: status["lag_total"] == 0, seconds=3600)
    caught_up = time.monotonic()
    worker.terminate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "seconds": round(caught_up - started, 1),
        "seconds_to_stop": round(time.monotonic() - caught_up, 2),
        "cpu_seconds": round(
            after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1
        ),
        "peak_rss_mb": round(worker.peak_rss / 1e6, 1),
    }


def books(dsn, summary):
    """What the catalogue says against what the checker found; a list of faults."""
    with psycopg.connect(dsn) as connection:
        one = lambda query: connection.execute(query).fetchone()[0]
        found = {
            "rows in silt.balance": (one("select count(*) from silt.balance"), 0),
            "rows in silt.slot": (one("select count(*) from silt.slot"), summary["manifests"]),
            "rows in silt.file": (one("select count(*) from silt.file"), summary["files"]),
            "records in silt.slot": (
                one("select sum(records + rejected) from silt.slot"),
                summary["records"] + summary["tombstones"] + summary["rejected"],
            ),
        }
    return [f"{what}: {got}, expected {want}" for what, (got, want) in found.items() if got != want]


def run_all(servers, options, folder, dsn):
    started = time.monotonic()
    ledger = fill(servers, options)
    produced = time.monotonic() - started
    endpoint = "MINIO_ENDPOINT" if options.minio else "S3_ENDPOINT"
    bucket = f"silt-large-{secrets.token_hex(4)}"
    servers.s3(endpoint).create_bucket(Bucket=bucket)
    root = f"s3://{bucket}/archive"
    run = silt_run.SiltRun(
        os.environ.get("SILT_BIN", addresses.CHECKOUT / "build/release/silt"),
        folder,
        servers,
        root,
        [ledger.topic],
        s3={"endpoint": servers.get(endpoint)},
        archive={"max_age": "10s"},
        metrics={"postgres": dsn, "lag_interval": "1s"},
    )
    try:
        figures = archive(run)
    finally:
        run.close()
    checked = time.monotonic()
    keys = (servers.access_key, servers.secret_key)
    report = checker.check(root, [ledger], servers.get(endpoint), *keys)
    summary = report.summary()
    faults = summary["first_faults"] + books(dsn, summary)
    counts = ledger.counts()
    wanted = sum(n for kind, n in counts.items() if kind != "aborted")
    held = summary["records"] + summary["tombstones"] + summary["rejected"]
    if held != wanted:
        faults.append(f"{held} records are archived, {wanted} were committed")
    if summary["data_files_a_bucket"] > len(ledger.schemas):
        faults.append(f"{summary['data_files_a_bucket']} files of one bucket were open at once")
    return {
        "root": root,
        "store": "minio" if options.minio else "versitygw",
        "ledger": counts,
        "fill_seconds": round(produced, 1),
        **figures,
        "records_per_s": round(held / figures["seconds"]),
        "check_seconds": round(time.monotonic() - checked, 1),
        **summary,
        "verdict": "faulty" if faults else "clean",
        "first_faults": faults,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, help="5,000,000; with --minio 500,000")
    parser.add_argument("--minio", action="store_true", help="archive to MinIO")
    parser.add_argument("--ledger", help="folder of a ledger whose topic still exists")
    parser.add_argument("--keep", help="folder to keep the ledger in, for --ledger")
    options = parser.parse_args()
    options.records = options.records or (500_000 if options.minio else 5_000_000)
    addresses.load_environment()
    servers = addresses.Servers()
    with tempfile.TemporaryDirectory(prefix="silt-large-") as folder, servers.database() as dsn:
        result = run_all(servers, options, pathlib.Path(folder), dsn)
    json.dump(result, sys.stdout, indent=2, ensure_ascii=False)
    print()
    return 0 if result["verdict"] == "clean" else 1


if __name__ == "__main__":
    sys.exit(main())
