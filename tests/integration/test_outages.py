"""PostgreSQL, CloudWatch and the schema registry are away, slow or refuse: what is known is archived
all the same, and afterwards every count is where it belongs, to the unit.
"""

import pathlib
import secrets
import struct
import sys
import time
import urllib.parse

import psycopg
import pytest

import checker
import ledger as ledgers
import records
import sensors
import silt_run

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "chaos"))

# pylint: disable=wrong-import-position,unused-import
import surroundings  # noqa: E402
from test_metrics import CloudWatch, fixture_own_moto, prometheus_counts, scrape, without_postgres  # noqa: E402

NOTHING_BUT_GOOD = ("--bad-ratio", "0", "--tombstone-ratio", "0", "--transactional", "0")
MODES = ("down", "slow", "refusing")
GOOD_EACH, FRESH_EACH = 2000, 20
BAD = 12_000  # their rows are more than a worker keeps for PostgreSQL
BAD_KIND = records.BAD_BASE + records.BAD_KINDS.index("bad_magic")
UNAVAILABLE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
TOO_MANY = b"SFATAL\0C53300\0Msorry, too many clients already\0\0"
REFUSALS = {
    "postgres": b"E" + struct.pack(">i", 4 + len(TOO_MANY)) + TOO_MANY,
    "cloudwatch": UNAVAILABLE,
    "registry": UNAVAILABLE,
}


class Neighbour(surroundings.Link):
    """A link that can also refuse, as the server behind it would."""

    def __init__(self, loop, name, url):
        self.url, self.refusal = urllib.parse.urlsplit(url), REFUSALS[name]
        super().__init__(loop, self.url.hostname, self.url.port, 0)

    def through(self):
        user = f"{self.url.username}@" if self.url.username else ""
        return self.url._replace(netloc=f"{user}127.0.0.1:{self.port}").geturl()

    def set(self, mode):
        super().set("down" if mode == "refusing" else mode)
        self.mode = mode

    async def _serve(self, reader, writer):
        if self.mode != "refusing":
            await super()._serve(reader, writer)
            return
        self.touched += 1
        await reader.read(65536)
        writer.write(self.refusal)
        await writer.drain()
        writer.close()


class Scene:
    """One worker and its neighbours; a topic of known schemas, and one whose schemas are new."""

    def __init__(self, servers, silt_bin, folder, dsn, moto):
        self.servers, self.dsn, self.moto = servers, dsn, moto
        name = secrets.token_hex(4)
        urls = {"postgres": dsn, "cloudwatch": moto, "registry": servers.get("REGISTRY_URL")}
        loop = surroundings.start_loop()
        self.links = {name: Neighbour(loop, name, url) for name, url in urls.items()}
        self.known = self.fill(f"known-{name}", 0)
        self.fresh = self.make_fresh(f"fresh-{name}")
        servers.s3().create_bucket(Bucket=f"silt-{name}")
        metrics = {
            "postgres": self.links["postgres"].through(),
            "cloudwatch": True,
            "cloudwatch_endpoint": self.links["cloudwatch"].through(),
            "cloudwatch_region": "us-east-1",
            "interval": "500ms",
            "lag_interval": "500ms",
        }
        self.run = silt_run.SiltRun(
            silt_bin,
            folder,
            servers,
            f"s3://silt-{name}",
            [self.known.topic, self.fresh.topic],
            metrics=metrics,
            schema={"registry": self.links["registry"].through()},
            archive={"max_age": "500ms"},
        )
        self.worker = self.run.start()
        self.run.wait_archived(self.known)

    def fill(self, topic, seed):
        given = ["--brokers", self.servers.get("BROKERS"), "--registry", self.servers.get("REGISTRY_URL")]
        given += ["--topic", topic, "--records", str(GOOD_EACH), "--pool", "500", "--seed", str(seed)]
        return ledgers.fill(ledgers.parse([*given, *NOTHING_BUT_GOOD]))

    def make_fresh(self, topic):
        brokers = self.servers.get("BROKERS")
        ledgers.create_topic(brokers, topic, len(MODES))
        return ledgers.Ledger(topic, len(MODES), {}, ledgers.topic_id(brokers, topic))

    def send_fresh(self, partition):
        """Records of a schema that nobody has seen."""
        text = sensors.load_schema("sensor_reading.v1").replace("SensorReading", f"Reading{partition}")
        subject = f"{self.fresh.topic}-{partition}"
        schema_id = ledgers.register(self.servers.get("REGISTRY_URL"), subject, text)
        self.fresh.schemas[schema_id] = text
        lane = ledgers.Lane(self.fresh, self.servers.get("BROKERS"), "none")
        for before, after in sensors.Pool(text, schema_id, FRESH_EACH, 1).good:
            value = before if after is None else before + bytes(8) + after
            lane.send(self.fresh.topic, partition, b"k", value, None, 1_760_000_000_000, records.GOOD)
        lane.close()

    def send_bad(self):
        lane = ledgers.Lane(self.known, self.servers.get("BROKERS"), "lz4")
        for number in range(BAD):
            value = b"\x07%d" % number
            lane.send(self.known.topic, number % 4, b"k", value, None, 1_760_000_000_000, BAD_KIND)
        lane.close()

    def set(self, mode):
        for link in self.links.values():
            link.set(mode)

    def outputs(self, status):
        return [status["outputs"][name] for name in ("postgres", "cloudwatch")]

    def all_are(self, state):
        return lambda status: all(output["state"] == state for output in self.outputs(status))

    def is_written(self, status):
        return self.all_are("ok")(status) and not any(o["spooled"] for o in self.outputs(status))

    def validated(self, since=0.0, until=4e9):
        """How many good records PostgreSQL has been told of, by the time they were read."""
        return self.one(
            "select coalesce(sum(success), 0) from silt.stage_metric where stage = 'avro_validate'"
            " and bucket between to_timestamp(%s) and to_timestamp(%s)",
            since,
            until,
        )

    def one(self, query, *values):
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query, values).fetchone()[0]


@pytest.fixture(name="scene", scope="module")
def fixture_scene(servers, silt_bin, own_moto, tmp_path_factory):
    with servers.database() as dsn:
        scene = Scene(servers, silt_bin, tmp_path_factory.mktemp("outages"), dsn, own_moto)
        try:
            yield scene
        finally:
            scene.run.close()


@pytest.mark.parametrize("mode", MODES)
def test_known_schemas_are_archived_meanwhile_and_the_rest_follows(scene, mode):
    before = scene.known.counts()["good"] + FRESH_EACH * MODES.index(mode)
    scene.worker.wait_status(lambda status: scene.is_written(status) and scene.validated() == before)
    began = time.time()
    earlier = scene.validated(began - 1)
    scene.set(mode)
    scene.known.merge(scene.fill(scene.known.topic, 1 + MODES.index(mode)))
    scene.send_fresh(MODES.index(mode))
    if mode == "down":
        scene.send_bad()
    scene.run.wait_archived(scene.known)
    if mode != "slow":
        waits = lambda s: any(p["state"] == "paused:schema" for p in s["partitions"])
        scene.worker.wait_status(lambda s: waits(s) and scene.all_are("down")(s))
    ended = time.time()
    scene.set("good")
    scene.run.wait_archived(scene.fresh)
    scene.worker.wait_status(scene.is_written)
    told = scene.validated(began - 1, ended) - earlier
    # The fresh ones may have come through within the last interval, or all the time when it was slow.
    assert GOOD_EACH <= told <= GOOD_EACH + FRESH_EACH


def test_nothing_is_lost_or_counted_twice(scene):
    worker, counts = scene.worker, scene.known.counts()
    worker.wait_status(lambda status: status["lag_total"] == 0)
    seen = worker.status()["uptime_ms"]
    worker.wait_status(lambda status: status["uptime_ms"] > seen + 1000 and scene.is_written(status))
    told = scrape(worker)
    worker.terminate()
    servers = scene.servers
    keys = (servers.access_key, servers.secret_key)
    report = checker.check(scene.run.root, [scene.known, scene.fresh], servers.get("S3_ENDPOINT"), *keys)
    assert not report.faults
    assert report.numbers["records"] == counts["good"] + FRESH_EACH * len(MODES)
    assert report.numbers["rejected"] == BAD
    with psycopg.connect(scene.dsn) as connection:
        rows = connection.execute(
            "select stage, sum(success), sum(failure), sum(latency_count)"
            " from silt.stage_metric group by stage"
        ).fetchall()
    postgres = without_postgres({stage: tuple(map(int, numbers)) for stage, *numbers in rows})
    assert postgres == without_postgres(prometheus_counts(told))
    success = {stage: ("SuccessCount", {"Stage": stage}) for stage in postgres}
    assert CloudWatch(scene.moto, servers).exact(success) == {s: row[0] for s, row in postgres.items()}
    failures = sum(value for (name, *_), value in told.items() if name == "silt_stage_failures_total")
    dropped = told[("silt_metric_rows_dropped_total",)]
    assert 0 < dropped < BAD
    assert scene.one("select count(*) from silt.failure") + dropped == failures


def test_eight_workers_may_start_on_an_empty_database(run_silt, database, bucket, ledger_options, topic):
    ledger = ledgers.fill(ledger_options(records=100, partitions=8))
    run = run_silt(f"s3://{bucket}", [ledger.topic], metrics={"postgres": database})
    run.start(8)
    for worker in run.workers:
        worker.wait_status(lambda status: status["outputs"]["postgres"]["state"] == "ok")
    with psycopg.connect(database) as connection:
        versions = [row[0] for row in connection.execute("select version from silt.migration order by 1")]
    assert versions == list(range(1, len(versions) + 1)) and versions
