"""One run, told in four places: PostgreSQL, CloudWatch, /metrics and the log say the same counts."""

import datetime
import json
import os
import pathlib
import re
import subprocess
import sys

import psycopg
import pytest

import ledger as ledgers
import records
import servers as addresses
import silt_run

NAMESPACE = "SensorBackend/DataPipeline"
FAILURE = re.compile(
    r"^FAILURE_TRACKED Stage: (?P<stage>\w+) FailureType: (?P<type>\w+) (?P<system>\w+) Failed: .+"
)
SYSTEMS = {"kafka_consume": "kafka", "s3_upload": "s3", "archive_commit": "s3", "postgres_write": "postgres"}
FAILURE_TYPES = set(
    "connection_error timeout validation_error schema_error network_error throttled auth_error "
    "conflict unknown_error".split()
)


@pytest.fixture(name="own_moto", scope="module")
def fixture_own_moto(servers, tmp_path_factory):
    """A moto of this module's own: its GetMetricData mixes the namespaces of all its users."""
    servers.get("MOTO_ENDPOINT")
    base = silt_run.free_port() % 20_000 + 20_000
    state = tmp_path_factory.mktemp("moto")
    environment = {**os.environ, "SILT_PORT_BASE": str(base), "SILT_SERVERS_STATE": str(state)}
    tool = addresses.CHECKOUT / "tests/servers"
    subprocess.run([tool / "up", "moto"], env=environment, check=True, stdout=subprocess.DEVNULL)
    yield f"http://127.0.0.1:{base + 6}"
    subprocess.run([tool / "down", "moto"], env=environment, check=True)


class CloudWatch:
    """CloudWatch as people ask it: through the AWS CLI."""

    def __init__(self, endpoint, servers):
        self.endpoint = endpoint
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": servers.access_key,
            "AWS_SECRET_ACCESS_KEY": servers.secret_key,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        now = datetime.datetime.now(datetime.timezone.utc)
        hour = datetime.timedelta(hours=1)
        self.between = ["--start-time", (now - hour).isoformat(), "--end-time", (now + hour).isoformat()]

    def aws(self, *arguments):
        command = [pathlib.Path(sys.executable).parent / "aws", "--endpoint-url", self.endpoint]
        command += ["--output", "json", "cloudwatch", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def statistics(self, metric, statistic, **dimensions):
        """What get-metric-statistics answers for the whole run."""
        given = [f"Name={name},Value={value}" for name, value in dimensions.items()]
        points = self.aws(
            *("get-metric-statistics", "--namespace", NAMESPACE, "--metric-name", metric),
            *("--period", "7200", "--statistics", statistic, *self.between, "--dimensions", *given),
        )["Datapoints"]
        assert points, f"{metric} has no data by {dimensions}"
        return [point[statistic] for point in points]

    def exact(self, wanted, stat="Sum"):
        """{name: value} of {name: (metric, dimensions)}, of exactly these sets of dimensions."""
        queries = [
            {
                "Id": f"q{number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": NAMESPACE,
                        "MetricName": metric,
                        "Dimensions": [{"Name": n, "Value": v} for n, v in dimensions.items()],
                    },
                    "Period": 7200,
                    "Stat": stat,
                },
            }
            for number, (metric, dimensions) in enumerate(wanted.values())
        ]
        answer = self.aws("get-metric-data", "--metric-data-queries", json.dumps(queries), *self.between)
        values = {found["Id"]: sum(found["Values"]) for found in answer["MetricDataResults"]}
        return {name: values[f"q{number}"] for number, name in enumerate(wanted)}

    def dimension_sets(self):
        """metric -> the sets of dimension names that were sent"""
        found = {}
        for metric in self.aws("list-metrics", "--namespace", NAMESPACE)["Metrics"]:
            names = tuple(sorted(d["Name"] for d in metric["Dimensions"]))
            found.setdefault(metric["MetricName"], set()).add(names)
        return found


def scrape(worker):
    """{name or (name, labels): value} of /metrics"""
    found = {}
    for line in worker.http("/metrics").splitlines():
        match = re.fullmatch(r"(\w+)(?:\{(.*)\})? (\S+)", line)
        if match:
            labels = tuple(re.findall(r'(\w+)="([^"]*)"', match[2] or ""))
            found[(match[1], *labels)] = float(match[3])
    return found


def prometheus_counts(scraped):
    """stage -> (success, failure, number of latencies)"""
    counts = {}
    for (name, *labels), value in scraped.items():
        stage = dict(labels).get("stage")
        at = {"silt_stage_success_total": 0, "silt_stage_failures_total": 1}.get(name)
        if name == "silt_stage_latency_seconds_count":
            at = 2
        if at is not None:
            counts.setdefault(stage, [0, 0, 0])[at] += value
    return {stage: tuple(map(int, row)) for stage, row in counts.items()}


class Told:
    """Everything one run said, gathered once."""

    def __init__(self, run, ledger, worker, dsn, cloudwatch):
        self.ledger, self.worker, self.dsn, self.cloudwatch = ledger, worker, dsn, cloudwatch
        worker.wait_status(lambda status: status["lag_total"] == 0)
        # Two rounds: the gauges that were measured with the last records are told too.
        seen = worker.status()["uptime_ms"]
        worker.wait_status(lambda status: status["uptime_ms"] > seen + 1000)
        self.scraped = scrape(worker)
        worker.terminate()
        self.run = run
        counts = ledger.counts()
        self.good = counts[records.kind_name(records.GOOD)]
        self.tombstones = counts[records.kind_name(records.TOMBSTONE)]
        self.bad = sum(n for kind, n in counts.items() if kind.startswith("bad"))

    def rows(self, query):
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query).fetchall()

    def one(self, query):
        return self.rows(query)[0][0]

    def postgres_counts(self):
        return {
            stage: tuple(map(int, numbers))
            for stage, *numbers in self.rows(
                "select stage, sum(success), sum(failure), sum(latency_count)"
                " from silt.stage_metric group by stage"
            )
        }


@pytest.fixture(name="told", scope="module")
def fixture_told(servers, silt_bin, own_moto, tmp_path_factory):
    """20,000 records with every output on."""
    topic = f"sensors-{os.urandom(4).hex()}"
    bucket = topic.replace("sensors", "silt")
    servers.s3().create_bucket(Bucket=bucket)
    given = ["--brokers", servers.get("BROKERS"), "--registry", servers.get("REGISTRY_URL")]
    given += ["--topic", topic, "--records", "20000", "--bad-ratio", "0.02", "--pool", "2000"]
    ledger = ledgers.fill(ledgers.parse(given))
    with servers.database() as dsn:
        metrics = {
            "postgres": dsn,
            "cloudwatch": True,
            "cloudwatch_endpoint": own_moto,
            "cloudwatch_region": "us-east-1",
            "interval": "1s",
            "lag_interval": "500ms",
        }
        folder = tmp_path_factory.mktemp("told")
        run = silt_run.SiltRun(silt_bin, folder, servers, f"s3://{bucket}", [topic], metrics=metrics)
        try:
            yield Told(run, ledger, run.start(), dsn, CloudWatch(own_moto, servers))
        finally:
            run.close()


# The ledger of metrics counts its own statements; the last ones come behind the last sample.
def without_postgres(counts):
    return {s: row for s, row in counts.items() if s != "postgres_write" and any(row)}


def test_the_archive_is_complete(told, assert_clean):
    summary = assert_clean(told.run.root, told.ledger)
    assert (summary["records"], summary["rejected"]) == (told.good, told.bad)
    assert told.one("select count(*) from silt.balance") == 0
    assert told.one("select count(*) from silt.slot") == summary["manifests"]
    assert told.one("select count(*) from silt.file") == summary["files"]
    assert told.one("select sum(bytes) from silt.file") == summary["bytes"]
    counts = told.postgres_counts()
    assert counts["archive_commit"][:2] == (summary["manifests"], 0)
    assert counts["s3_upload"][:2] == (summary["files"], 0)


def test_counts_are_the_ledgers(told):
    counts = told.postgres_counts()
    assert counts["avro_validate"][:2] == (told.good, told.bad)
    assert counts["encode"][:2] == (told.good + told.tombstones + told.bad, 0)
    assert told.one("select sum(records) from silt.slot") == told.good + told.tombstones
    assert told.one("select sum(rejected) from silt.slot") == told.bad
    assert told.one("select count(*) from silt.failure where stage = 'avro_validate'") == told.bad
    assert told.scraped[("silt_records_archived_total",)] == told.good + told.tombstones
    assert told.scraped[("silt_records_rejected_total",)] == told.bad


def test_postgres_and_prometheus_agree(told):
    postgres = without_postgres(told.postgres_counts())
    assert postgres == without_postgres(prometheus_counts(told.scraped))
    assert set(postgres) == {"kafka_consume", "avro_validate", "encode", "s3_upload", "archive_commit"}


def test_cloudwatch_agrees(told):
    postgres = without_postgres(told.postgres_counts())
    for at, metric, stat in (
        (0, "SuccessCount", "Sum"),
        (1, "FailureCount", "Sum"),
        (2, "ProcessingLatency", "SampleCount"),
    ):
        wanted = {stage: (metric, {"Stage": stage}) for stage in postgres}
        found = told.cloudwatch.exact(wanted, stat)
        assert found == {stage: row[at] for stage, row in postgres.items()}, metric


def test_the_statistics_that_people_ask_for_answer_by_stage_alone(told):
    cloudwatch = told.cloudwatch
    types = told.rows("select failure_type, count(*) from silt.failure where stage = 'avro_validate' group by 1")
    by_type = {t: ("FailureCount", {"Stage": "avro_validate", "FailureType": t}) for t, _ in types}
    assert cloudwatch.exact(by_type) == dict(types)
    # AWS answers with the set {Stage} alone. moto's GetMetricStatistics adds every set that contains it,
    # here {Stage,FailureType}, whose sum is the same: so twice.
    assert sum(cloudwatch.statistics("FailureCount", "Sum", Stage="avro_validate")) == 2 * told.bad
    assert sum(cloudwatch.statistics("SuccessCount", "Sum", Stage="avro_validate")) == told.good
    assert min(cloudwatch.statistics("ProcessingLatency", "Average", Stage="s3_upload")) > 0
    # Once a minute, so a short run shows only the depth it began with: all offsets of the topic.
    offsets = sum(told.run.durable(told.ledger.topic).values())
    assert 0 <= max(cloudwatch.statistics("QueueDepth", "Maximum", Queue=told.ledger.topic)) <= offsets


def test_each_metric_has_its_sets_of_dimensions_and_no_other(told):
    sets = told.cloudwatch.dimension_sets()
    wanted = {
        "SuccessCount": {(), ("Stage",)},
        "FailureCount": {(), ("Stage",), ("FailureType", "Stage")},
        "ProcessingLatency": {("Stage",)},
        "DataSize": {("Stage",)},
        "RetryAttempts": {("Stage",)},
        "QueueDepth": {("Queue",)},
        "ArchiveDelay": {("Queue",)},
    }
    assert sets == wanted


def test_failures_are_logged_as_the_queries_expect(told):
    tracked = [line for line in told.worker.lines() if "FAILURE_TRACKED" in line["msg"]]
    assert tracked
    for line in tracked:
        match = FAILURE.match(line["msg"])
        assert match, line["msg"]
        assert line["level"] == "ERROR" and match["stage"] == line["stage"]
        assert match["type"] in FAILURE_TYPES
        assert match["system"] == SYSTEMS.get(match["stage"], "avro")
    suppressed = sum(line.get("suppressed", 0) for line in told.worker.lines("failure_suppressed"))
    assert len(tracked) + suppressed == told.bad
