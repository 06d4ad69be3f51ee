"""What presses on a worker's memory: each scenario fills a topic, lets one worker archive it and has
the checker read everything. tests/pressure/run plays them at scale 1, test_pressure.py smaller.

A scenario is a function of a Stage and a scale and returns Figures: what was done, and what was
wrong, by the independent checker and by the bound on the worker's memory.
"""

import contextlib
import json
import pathlib
import random
import re
import secrets
import sys
import threading
import time
import urllib.parse

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent / "chaos"), str(HERE.parent / "integration")]

# pylint: disable=wrong-import-position
import checker  # noqa: E402
import ledger as ledgers  # noqa: E402
import records  # noqa: E402
import silt_run  # noqa: E402
import surroundings  # noqa: E402

MIB = 1 << 20
BESIDE = 100 * MIB  # what a worker may take beside its budget: program, libraries, one batch
HOUR_MS = 3_600_000
NOW_MS = 1_760_000_000_000
NEVER = str((1 << 63) - 1)
# What the owner of a topic may allow: large batches, times of the future.
TOLERANT = {"max.message.bytes": str(128 * MIB), "message.timestamp.after.max.ms": NEVER}
CUTS = re.compile(r"silt_windows_closed_(\w+)_total")


def schema_text(number):
    """The number-th schema of readings with a payload of any size."""
    fields = [("sensor_id", "string"), ("ts", "long"), ("payload", "bytes")]
    fields += [(f"extra{n}", "int") for n in range(number)]
    named = [{"name": name, "type": kind} for name, kind in fields]
    return json.dumps({"type": "record", "name": f"Press{number}", "namespace": "silt.test", "fields": named})


class Topic:
    """A topic of its own, and the ledger of what is sent to it."""

    def __init__(self, servers, partitions, schemas=1):
        self.brokers, self.partitions = servers.get("BROKERS"), partitions
        self.name = f"press-{secrets.token_hex(4)}"
        ledgers.create_topic(self.brokers, self.name, partitions, TOLERANT)
        registry = servers.get("REGISTRY_URL")
        texts = [schema_text(number) for number in range(schemas)]
        self.ids = [ledgers.register(registry, f"{self.name}-{n}", text) for n, text in enumerate(texts)]
        known = ledgers.topic_id(self.brokers, self.name)
        self.ledger = ledgers.Ledger(self.name, partitions, dict(zip(self.ids, texts)), known)
        self.rng, self.sent = random.Random(1), 0

    @contextlib.contextmanager
    def producer(self, codec="none", **extra):
        """send(...) for as long as it lasts; everything is acknowledged behind it."""
        lane = ledgers.Lane(self.ledger, self.brokers, codec, extra=extra)

        def send(partition, payload, schema=0, ts=NOW_MS, timestamp=NOW_MS, kind=records.GOOD):
            sensor = b"sensor-%d" % (self.sent % 100)
            body = records.zigzag(len(sensor)) + sensor + records.zigzag(ts)
            body += records.zigzag(len(payload)) + payload + b"\x02" * schema
            value = records.frame(self.ids[schema], body)
            lane.send(self.name, partition, b"k%d" % self.sent, value, None, timestamp, kind)
            self.sent += 1
            if self.sent % 256 == 0:
                lane.producer.poll(0)

        yield send
        lane.close()

    def noise(self, size):
        """Half of it can be compressed away."""
        return self.rng.randbytes(size // 2) + bytes(size - size // 2)


class Figures:
    """What a scenario came to."""

    def __init__(self, name):
        self.name, self.wrong, self.body = name, [], {}

    def line(self):
        shown = "  ".join(f"{name} {value}" for name, value in self.body.items())
        return f"{self.name:8} {shown}  {'; '.join(self.wrong) or 'clean'}"


class Throttle(surroundings.Link):
    """Lets so many bytes a second through, all connections together."""

    def __init__(self, loop, host, port, bytes_per_s):
        super().__init__(loop, host, port, 0)
        self.bytes_per_s, self.free_at = bytes_per_s, 0.0

    async def _copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                self.free_at = max(self.free_at, time.monotonic()) + len(data) / self.bytes_per_s
                await surroundings.asyncio.sleep(self.free_at - time.monotonic())
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


class Stage:
    """The servers and a folder; everything else is made for each scenario."""

    def __init__(self, servers, binary, folder):
        self.servers, self.binary, self.folder = servers, binary, pathlib.Path(folder)

    def link_to_store(self, bytes_per_s=None):
        """(link, its URL)"""
        target = urllib.parse.urlsplit(self.servers.get("S3_ENDPOINT"))
        loop = surroundings.start_loop()
        if bytes_per_s:
            link = Throttle(loop, target.hostname, target.port, bytes_per_s)
        else:
            link = surroundings.Link(loop, target.hostname, target.port, 0)
        return link, f"http://127.0.0.1:{link.port}"

    @contextlib.contextmanager
    def play(self, name, topic, memory_mib, seconds=900, unreadable=0, **settings):
        """Starts a worker; behind the block it is waited for and everything is judged."""
        folder = self.folder / topic.name
        folder.mkdir()
        bucket = topic.name
        self.servers.s3().create_bucket(Bucket=bucket)
        archive = {"max_age": "3s", **settings.pop("archive", {})}
        run = silt_run.SiltRun(
            self.binary,
            folder,
            self.servers,
            f"s3://{bucket}/archive",
            [topic.name],
            memory=f"{memory_mib}MiB",
            metrics={"lag_interval": "500ms"},
            archive=archive,
            **settings,
        )
        figures, began = Figures(name), time.monotonic()
        try:
            worker = run.start()
            yield figures, worker
            status = worker.wait_status(is_done, seconds)
            series = scrape(worker)
            worker.terminate()
        finally:
            run.close()
        figures.body |= {
            "seconds": round(time.monotonic() - began),
            "budget_mib": memory_mib,
            "peak_rss_mib": worker.peak_rss // MIB,
            "budget_peak_mib": int(series["silt_memory_peak_bytes"]) // MIB,
            "lag": status["lag_total"],
            "pauses": int(series["silt_memory_pauses_total"]),
            "held_back": int(series["silt_kafka_batches_held_back_total"]),
            "cuts": {m[1]: int(series[m[0]]) for m in map(CUTS.fullmatch, series) if m and series[m[0]]},
        }
        if worker.peak_rss > memory_mib * MIB + BESIDE:
            figures.wrong.append(f"more than {memory_mib + BESIDE // MIB} MiB")
        self._check(figures, run, topic, unreadable)

    def _check(self, figures, run, topic, unreadable):
        keys = (self.servers.access_key, self.servers.secret_key)
        report = checker.check(run.root, [topic.ledger], self.servers.get("S3_ENDPOINT"), *keys)
        booked = [fault for fault in report.faults if ": unreadable [" in fault]
        figures.wrong += [fault for fault in report.faults if fault not in booked][:3]
        if len(booked) != unreadable:
            figures.wrong.append(f"unreadable: {len(booked)} ranges, expected {unreadable}")
        names = ("records", "rejected", "manifests", "files")
        figures.body |= {name: report.numbers[name] for name in names}


def is_done(status):
    return status["partitions"] and status["lag_total"] == 0


def scrape(worker):
    """series -> value, of /metrics"""
    lines = (text.rpartition(" ") for text in worker.http("/metrics").splitlines() if text[:1] != "#")
    return {name: float(value) for name, _, value in lines}


# --- the scenarios -------------------------------------------------------------------------------


def many(stage, scale=1.0):
    """Far more open files than the budget has room for."""
    topic = Topic(stage.servers, max(8, int(500 * scale)), schemas=5)
    with topic.producer() as send:
        for number in range(int(240_000 * scale)):
            send(number % topic.partitions, topic.noise(2000), schema=number // topic.partitions % 5)
    memory, age = (256, "20s") if scale == 1 else (64, "2s")
    with stage.play("many", topic, memory, archive={"max_age": age}) as (figures, _):
        pass
    return figures


def slow(stage, scale=1.0):
    """The store takes less than Kafka gives."""
    topic = Topic(stage.servers, 8)
    with topic.producer("lz4") as send:
        for number in range(int(150_000 * scale)):
            send(number % 8, topic.noise(2000))
    _, endpoint = stage.link_to_store(4 * MIB)
    with stage.play("slow", topic, 64 if scale == 1 else 32, s3={"endpoint": endpoint}) as (figures, _):
        pass
    return figures


def outage(stage, scale=1.0):
    """The store is away for an hour, ten times as fast: ages and limits are a tenth of the usual."""
    topic = Topic(stage.servers, 16)
    link, endpoint = stage.link_to_store()
    ages = {"max_age": "60s", "max_upload_age": "24m", "max_tail_age": "60s"}
    over = threading.Event()

    def feed():
        with topic.producer("zstd") as send:
            while not over.wait(0.05):
                for number in range(75):
                    send((topic.sent + number) % 16, topic.noise(1000))

    feeder = threading.Thread(target=feed)
    with stage.play("outage", topic, 64, s3={"endpoint": endpoint}, archive=ages) as (figures, worker):
        feeder.start()
        worker.wait_status(lambda status: status["partitions"] and status["records_archived"], 120)
        link.set("down")
        until = time.monotonic() + 360 * scale
        while time.monotonic() < until:
            worker.look_at_memory()
            time.sleep(0.5)
        figures.body["lag_in_the_outage"] = worker.status()["lag_total"]
        link.set("good")
        began = time.monotonic()
        time.sleep(5 * scale)
        over.set()
        feeder.join()
        worker.wait_status(is_done, 600)
        figures.body["seconds_to_catch_up"] = round(time.monotonic() - began)
    return figures


def bombs(stage, scale=1.0):
    """Batches of every compression that unpack to fifty times their size and more."""
    topic = Topic(stage.servers, 4)
    size = int(48 * MIB * scale)
    whole = {"message.max.bytes": 200_000_000, "batch.size": 2 * size, "linger.ms": 500}
    for codec in ledgers.COMPRESSIONS:
        with topic.producer(codec, **({"message.max.bytes": 8_000_000} if codec == "none" else whole)) as send:
            for number in range(4 * 48 * (3 if scale == 1 else 1)):
                send(number % 4, bytes(size // 48))
    with stage.play("bombs", topic, 256 if scale == 1 else 64) as (figures, _):
        pass
    return figures


def giants(stage, scale=1.0):
    """A batch of each compression that unpacks to more than one may, between others."""
    codecs = ledgers.COMPRESSIONS[1:]
    topic = Topic(stage.servers, len(codecs))
    whole = {"message.max.bytes": 900_000_000, "batch.size": 900_000_000, "linger.ms": 5000}
    for partition, codec in enumerate(codecs):
        for giant in (False, True, False):
            with topic.producer(codec, **whole) as send:
                for _ in range(12):
                    send(partition, bytes(15 * MIB if giant else 1000))
        topic.ledger.forget(partition, 12, 24)
    memory = 256 if scale == 1 else 64
    with stage.play("giants", topic, memory, unreadable=len(codecs)) as (figures, _):
        pass
    return figures


def huge(stage, scale=1.0):
    """Records of 16 MiB, and some beyond that, which are rejected."""
    topic = Topic(stage.servers, 4)
    with topic.producer("none", **{"message.max.bytes": 100_000_000}) as send:
        for number in range(int(60 * scale)):
            beyond = number % 5 == 4
            kind = records.BAD_BASE if beyond else records.GOOD
            send(number % 4, topic.noise(16 * MIB - 100 + beyond * 4096), kind=kind)
    with stage.play("huge", topic, 256) as (figures, _):
        pass
    return figures


def times(stage, scale=1.0):
    """No two neighbours are of the same hour; year 1, year 9999, before 1970, the future."""
    topic = Topic(stage.servers, 8, schemas=3)
    odd = (-62_135_596_800_000, 253_402_300_799_000, -1, -HOUR_MS, (1 << 63) - 1, -(1 << 63))
    with topic.producer("lz4") as send:
        for number in range(int(100_000 * scale)):
            ts = odd[number // 8 % len(odd)] if number % 3 == 0 else NOW_MS + number * HOUR_MS
            kafka = (1 + number * HOUR_MS) % NOW_MS
            send(number % 8, topic.noise(500), schema=number % 3, ts=ts, timestamp=kafka)
    with stage.play("times", topic, 64 if scale == 1 else 32, archive={"time": "field"}) as (figures, _):
        pass
    return figures


ALL = {scenario.__name__: scenario for scenario in (many, slow, outage, bombs, giants, huge, times)}
