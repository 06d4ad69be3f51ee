#!/usr/bin/env python3
"""Measures silt beside the limit of its libraries and prints one table.

Every program reads the same topic. The runs alternate (A B C, A B C, ...), so that what else the
machine does falls on all of them; the figure of a row is the median of its runs. CPU is that of the
program's own process, user and system, start-up included; what the broker and the S3 server spend
meanwhile is told apart. The clock runs from the first record to the last one archived.

bench/e2e/run builds the programs, starts the servers and calls this.
"""

import argparse
import contextlib
import datetime
import json
import os
import pathlib
import platform
import secrets
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import confluent_kafka

CHECKOUT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(CHECKOUT / "tests/integration"))

# pylint: disable=wrong-import-position
import ledger  # noqa: E402
import stores  # noqa: E402

RESULTS = CHECKOUT / "bench/results"
BUILD = CHECKOUT / os.environ.get("SILT_BENCH_BUILD", "build/release")
SILT = CHECKOUT / os.environ.get("SILT_BIN", "build/release/silt")
LIMITS = ("limit-read", "limit-zstd-1", "limit-zstd-3", "limit-zstd-1-overlap")
PROGRAMS = (*LIMITS, "silt-zstd-1", "silt-zstd-3", "silt-null", "silt-deflate-6", "silt-snappy")
QUICK = ("limit-read", "limit-zstd-1", "silt-zstd-1", "limit-zstd-3", "silt-zstd-3", "silt-null")
POLL_SECONDS = 0.05
PATIENCE_SECONDS = 600
REPORT_SECONDS = 1


def env(name):
    return os.environ[f"SILT_TEST_{name}"]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def http(url):
    with urllib.request.urlopen(url, timeout=5) as answer:
        return answer.read().decode()


class Topic:
    """A filled topic; made once and used again as long as the servers keep it."""

    def __init__(self, options):
        self.partitions, self.records = options.partitions, options.records
        words = (options.records, options.partitions, options.pad, options.compression)
        self.name = "bench-" + "-".join(str(word) for word in words)
        self.bytes = 0
        note = CHECKOUT / "build/bench" / f"{self.name}.json"
        if note.exists() and self._held() == self.records:
            self.bytes = json.loads(note.read_text(encoding="utf-8"))["bytes"]
            return
        print(f"bench: filling {self.name}", file=sys.stderr)
        self._fill(options, note)

    def _held(self):
        client = confluent_kafka.Consumer(
            {"bootstrap.servers": env("BROKERS"), "group.id": "bench-look"}
        )
        total = 0
        for partition in range(self.partitions):
            place = confluent_kafka.TopicPartition(self.name, partition)
            try:
                low, high = client.get_watermark_offsets(place, timeout=10)
            except confluent_kafka.KafkaException:
                total = 0
                break
            total += high - low
        client.close()
        return total

    def _fill(self, options, note):
        if self._held():
            raise SystemExit(f"{self.name} is filled in part: remove build/bench/servers")
        text = (CHECKOUT / "schemas/avro/sensor_reading.v1.avsc").read_text(encoding="utf-8")
        schema_id = ledger.register(env("REGISTRY_URL"), f"{self.name}-value", text)
        ledger.create_topic(env("BROKERS"), self.name, self.partitions)
        words = (self.name, self.partitions, self.records, schema_id, options.compression)
        command = [BUILD / "bench_fill", env("BROKERS"), *map(str, words), str(options.pad)]
        made = json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout)
        self.bytes = made["bytes"]
        note.write_text(json.dumps(made), encoding="utf-8")

    def register(self):
        """The registry keeps nothing over a restart; the id must be the one in the records."""
        text = (CHECKOUT / "schemas/avro/sensor_reading.v1.avsc").read_text(encoding="utf-8")
        ledger.register(env("REGISTRY_URL"), f"{self.name}-value", text)


class Process:
    """A program under measurement."""

    def __init__(self, command, log, environment=None):
        self.log = log
        with open(log, "wb") as out:
            self.child = subprocess.Popen(
                [str(word) for word in command],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                env={**os.environ, **(environment or {})},
            )

    def finish(self):
        """Waits for its end: (CPU seconds, peak RSS in MB)."""
        _, status, usage = os.wait4(self.child.pid, 0)
        self.child.returncode = os.waitstatus_to_exitcode(status)
        if self.child.returncode:
            raise SystemExit(f"exit {self.child.returncode}; {self.log}:\n{self.tail()}")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024 / 1e6

    def tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:])


class Limit:
    """bench_limit; name: limit-read or limit-zstd-LEVEL[-overlap]"""

    facts = {"jvm": False, "validates": False, "exactly_once": False, "requests": 0}

    def __init__(self, name, _):
        words = name.split("-")
        self.name, self.level = name, int(words[2]) if len(words) > 2 else 0
        self.codec = words[1] if self.level else "none"
        self.arguments = ["--level", self.level, "--crc"]
        if "overlap" in words:
            self.arguments.append("--overlap")
        self.version = None  # the program tells it
        self.work = "reads, compresses the values" if self.level else "reads"

    def run(self, topic, folder):
        command = [BUILD / "bench_limit", env("BROKERS"), topic.name, *self.arguments]
        process = Process(command, folder / "log")
        cpu_s, rss_mb = process.finish()
        told = json.loads(process.tail())
        assert told["records"] == topic.records, told
        self.version = told["version"]
        return {
            "cpu_s": cpu_s,
            "wall_s": told["wall_s"],
            "rss_mb": rss_mb,
            "bytes_out": told["packed"],
            "requests": 0,
        }


class Silt:
    """silt run with a group and an archive of its own; name: silt-CODEC[-LEVEL]"""

    facts = {"jvm": False, "validates": True, "exactly_once": True}
    work = "reads, validates, Avro files, uploads, commits"

    def __init__(self, name, options):
        words = name.split("-")
        self.name, self.codec = name, words[1]
        self.level = int(words[2]) if len(words) > 2 else 0
        self.options = options
        shown = subprocess.run([SILT, "version"], stdout=subprocess.PIPE, text=True, check=True)
        self.version = shown.stdout.split()[1]

    def _settings(self, topic, root, port):
        # As many records a file as fill the windows evenly: the last one ends with the topic.
        window = topic.records // topic.partitions // self.options.windows
        assert window * topic.partitions * self.options.windows == topic.records
        return {
            "kafka": {
                "brokers": env("BROKERS"),
                "topics": [topic.name],
                "group": f"bench-{secrets.token_hex(4)}",
            },
            "schema": {"framing": "confluent", "registry": env("REGISTRY_URL")},
            "archive": {
                "root": root,
                "codec": self.codec,
                "level": self.level,
                "max_records": window,
                "max_bytes": "1GiB",
            },
            "s3": {"endpoint": self.options.s3, "region": "us-east-1", "path_style": True},
            "metrics": {"listen": f"127.0.0.1:{port}", "lag_interval": f"{REPORT_SECONDS}s"},
            "memory": self.options.memory,
        }

    def run(self, topic, folder):
        bucket, port = f"bench-{secrets.token_hex(4)}", free_port()
        client = stores.s3_client(self.options.s3, env("S3_ACCESS_KEY"), env("S3_SECRET_KEY"))
        client.create_bucket(Bucket=bucket)
        config = folder / "silt.yaml"
        settings = self._settings(topic, f"s3://{bucket}/archive", port)
        config.write_text(json.dumps(settings, indent=1), encoding="utf-8")
        keys = {
            "AWS_ACCESS_KEY_ID": env("S3_ACCESS_KEY"),
            "AWS_SECRET_ACCESS_KEY": env("S3_SECRET_KEY"),
        }
        command = [*self.options.wrap.split(), SILT, "run", "--config", config]
        began = time.monotonic()
        process = Process(command, folder / "log", keys)
        try:
            first, last = self._watch(process, port, topic.records)
            time.sleep(1.5 * REPORT_SECONDS)
            requests = self._requests(port)
        except BaseException:
            process.child.kill()
            raise
        process.child.send_signal(signal.SIGTERM)
        cpu_s, rss_mb = process.finish()
        return {
            "cpu_s": cpu_s,
            "wall_s": last - first,
            "start_s": first - began,
            "rss_mb": rss_mb,
            "bytes_out": self._stored(client, bucket),
            "requests": requests,
        }

    @staticmethod
    def _watch(process, port, records):
        """When the first record was seen and when all were archived."""
        first, deadline = None, time.monotonic() + PATIENCE_SECONDS
        while True:
            time.sleep(POLL_SECONDS)
            if process.child.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"silt did not archive everything:\n{process.tail()}")
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                status = json.loads(http(f"http://127.0.0.1:{port}/api/v1/status"))
                now = time.monotonic()
                if first is None and status["stages"]["kafka_consume"]["success"]:
                    first = now - POLL_SECONDS / 2
                assert status["records_rejected"] == 0, "silt rejected records"
                if status["records_archived"] >= records:
                    assert status["records_archived"] == records, "more records than there are"
                    return first, now

    @staticmethod
    def _requests(port):
        for line in http(f"http://127.0.0.1:{port}/metrics").splitlines():
            if line.startswith("silt_s3_requests_total "):
                return int(float(line.split()[1]))
        return None

    @staticmethod
    def _stored(client, bucket):
        """Bytes of all objects; they are deleted."""
        total = 0
        for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
            for entry in page.get("Contents", []):
                total += entry["Size"]
                client.delete_object(Bucket=bucket, Key=entry["Key"])
        client.delete_bucket(Bucket=bucket)
        return total


def server_cpu():
    """CPU seconds that broker and S3 server have used so far."""
    spent, state = {}, pathlib.Path(os.environ["SILT_SERVERS_STATE"])
    for name, folder in (("broker", "kafka/node1"), ("s3", "s3")):
        pid = (state / folder / "pid").read_text(encoding="utf-8").split()[0]
        with contextlib.suppress(OSError):
            words = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")
            ticks = words.rpartition(")")[2].split()
            spent[name] = (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")
    return spent


def measure(program, topic):
    with tempfile.TemporaryDirectory(prefix="silt-bench-") as folder:
        before = server_cpu()
        result = program.run(topic, pathlib.Path(folder))
        after = server_cpu()
    gigabytes = topic.bytes / 1e9
    result["cpu_s_per_gb"] = result["cpu_s"] / gigabytes
    result["mb_per_s"] = topic.bytes / 1e6 / max(result["wall_s"], 1e-3)
    for name, spent in after.items():
        result[f"{name}_cpu_s_per_gb"] = (spent - before.get(name, 0)) / gigabytes
    return result


def row_of(program, runs):
    row = {
        "program": program.name,
        "version": program.version,
        **program.facts,
        "codec": program.codec,
        "level": program.level,
        "work": program.work,
        "runs": len(runs),
    }
    for name in runs[0]:
        values = [run[name] for run in runs if run[name] is not None]
        row[name] = round(statistics.median(values), 3) if values else None
    for name in ("cpu_s_per_gb", "mb_per_s"):
        row[f"{name}_range"] = [round(pick(run[name] for run in runs), 2) for pick in (min, max)]
    return row


def ratios(rows):
    """silt against the limit with the same codec and level"""
    by_name = {row["program"]: row for row in rows}
    found = {}
    for name, row in by_name.items():
        limit = by_name.get(name.replace("silt-", "limit-"))
        if name.startswith("silt-") and limit:
            found[name] = {
                key: round(row[key] / limit[key], 2)
                for key in ("cpu_s_per_gb", "mb_per_s", "rss_mb")
            }
    return found


def print_table(rows):
    head = ("program", "CPU s/GB", "(range)", "MB/s", "RSS MB", "MB out", "requests", "broker", "s3")
    print(("{:<22}" + "{:>9}{:>13}" + "{:>8}" * 6).format(*head))
    for row in rows:
        low, high = row["cpu_s_per_gb_range"]
        words = (
            f"{row['cpu_s_per_gb']:.2f}",
            f"{low:.1f}-{high:.1f}",
            f"{row['mb_per_s']:.0f}",
            f"{row['rss_mb']:.0f}",
            f"{row['bytes_out'] / 1e6:.0f}",
            "-" if row["requests"] is None else f"{row['requests']:.0f}",
            f"{row.get('broker_cpu_s_per_gb', 0):.1f}",
            f"{row.get('s3_cpu_s_per_gb', 0):.1f}",
        )
        print(("{:<22}" + "{:>9}{:>13}" + "{:>8}" * 6).format(row["program"], *words))


def commit():
    shown = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return shown.stdout.strip() or "unknown"


def machine():
    model = platform.machine()
    for line in pathlib.Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores, {model}, {memory:.0f} GiB, {platform.system()}"


def save(rows, topic, options, load):
    now = datetime.datetime.now(datetime.timezone.utc)
    report = {
        "rows": rows,
        "ratios": ratios(rows),
        "date": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": machine(),
        "load": [round(value, 1) for value in load],
        "commit": commit(),
        "topic": {
            "records": topic.records,
            "bytes": topic.bytes,
            "partitions": topic.partitions,
            "compression": options.compression,
        },
    }
    text = json.dumps(report, indent=1) + "\n"
    RESULTS.mkdir(parents=True, exist_ok=True)
    for name in ("latest.json", now.strftime("%Y-%m-%d-%H%M%S.json")):
        (RESULTS / name).write_text(text, encoding="utf-8")
    print(f"bench: {RESULTS.relative_to(CHECKOUT)}/latest.json", file=sys.stderr)
    return report


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--records", type=int, default=2_000_000)
    parser.add_argument("--partitions", type=int, default=8)
    parser.add_argument("--pad", type=int, default=72, help="bytes of text in a value; 72: 177 B")
    parser.add_argument("--compression", default="lz4", help="of the producer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--windows", type=int, default=2, help="files per partition")
    parser.add_argument("--memory", default="256MiB", help="silt's budget")
    parser.add_argument("--programs", nargs="*", default=QUICK, choices=PROGRAMS, metavar="NAME",
                        help="of: " + " ".join(PROGRAMS))
    parser.add_argument("--full", action="store_true", help="all programs, 5 million records")
    parser.add_argument("--s3", default=os.environ.get("SILT_TEST_S3_ENDPOINT"), metavar="URL",
                        help="another S3 server, such as bench/e2e/sink")
    parser.add_argument("--wrap", default="", help="command to run silt under, such as perf record")
    parser.add_argument("--no-save", action="store_true", help="print only")
    options = parser.parse_args()
    if options.full:
        options.programs, options.records = PROGRAMS, max(options.records, 5_000_000)
    return options


def main():
    options = parse()
    topic = Topic(options)
    topic.register()
    programs = [
        (Silt if name.startswith("silt") else Limit)(name, options) for name in options.programs
    ]
    load = os.getloadavg()
    runs = {program.name: [] for program in programs}
    for number in range(options.rounds):
        for program in programs:
            runs[program.name].append(measure(program, topic))
            last = runs[program.name][-1]
            print(
                f"bench: round {number + 1} {program.name}: {last['cpu_s_per_gb']:.2f} CPU s/GB, "
                f"{last['mb_per_s']:.0f} MB/s, {last['rss_mb']:.0f} MB",
                file=sys.stderr,
            )
    rows = [row_of(program, runs[program.name]) for program in programs]
    print_table(rows)
    for name, found in ratios(rows).items():
        print(f"{name} / limit: CPU {found['cpu_s_per_gb']}, MB/s {found['mb_per_s']}, "
              f"RSS {found['rss_mb']}")
    if not options.no_save:
        save(rows, topic, options, load)


if __name__ == "__main__":
    main()
