"""Fixtures: the servers that tests/servers/up started, a bucket and a topic per test, silt's
workers.

A test whose server is not up is skipped with that reason; with SILT_REQUIRE_ALL=1 (continuous
integration) it fails instead, so that nothing is passed over in silence.
"""

import argparse
import json
import os
import pathlib
import secrets
import sys
import urllib.request

import pytest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

# pylint: disable=wrong-import-position
import checker  # noqa: E402
import ledger as ledgers  # noqa: E402
import servers as addresses  # noqa: E402
import silt_run  # noqa: E402


def pytest_configure():
    addresses.load_environment()


def absent(reason):
    if os.environ.get("SILT_REQUIRE_ALL") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


class Servers(addresses.Servers):
    """Without its server a test is skipped."""

    absent = staticmethod(absent)


@pytest.fixture(scope="session")
def servers():
    return Servers()


@pytest.fixture
def topic():
    return f"sensors-{secrets.token_hex(4)}"


@pytest.fixture(scope="session")
def brokers(servers):
    return servers.get("BROKERS")


@pytest.fixture(scope="session")
def registry(servers):
    return servers.get("REGISTRY_URL")


@pytest.fixture(scope="session")
def pg_dsn(servers):
    return servers.get("PG_DSN")


@pytest.fixture
def database(servers):
    with servers.database() as dsn:
        yield dsn


@pytest.fixture(scope="session")
def moto(servers):
    return servers.get("MOTO_ENDPOINT")


@pytest.fixture
def bucket(servers):
    """A bucket of this test's own."""
    name = f"silt-{secrets.token_hex(4)}"
    servers.s3().create_bucket(Bucket=name)
    return name


@pytest.fixture
def minio_bucket(servers):
    name = f"silt-{secrets.token_hex(4)}"
    servers.s3("MINIO_ENDPOINT").create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="session")
def silt_bin():
    path = pathlib.Path(os.environ.get("SILT_BIN", addresses.CHECKOUT / "build/release/silt"))
    if not path.exists():
        absent(f"{path} is not built: ./dev build")
    return path


class FaultProxy:
    """The fault proxy's admin port."""

    def __init__(self, servers):
        self.endpoint = servers.get("PROXY_ENDPOINT")
        self.admin = servers.get("PROXY_ADMIN")

    def rules(self, rules):
        data = json.dumps(rules).encode()
        request = urllib.request.Request(f"{self.admin}/rules", data=data)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def state(self):
        with urllib.request.urlopen(f"{self.admin}/log", timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def proxy(servers):
    fault_proxy = FaultProxy(servers)
    fault_proxy.rules([])
    yield fault_proxy
    fault_proxy.rules([])


@pytest.fixture
def run_silt(servers, silt_bin, tmp_path):
    """run_silt(root, topics, **sections) makes a SiltRun; no process outlives the test."""
    runs = []

    def make(root, topics, **overrides):
        folder = tmp_path / f"run{len(runs)}"
        folder.mkdir()
        runs.append(silt_run.SiltRun(silt_bin, folder, servers, root, topics, **overrides))
        return runs[-1]

    yield make
    for run in runs:
        run.close()


@pytest.fixture(name="frail")
def fixture_frail(run_silt, bucket, topic, proxy):
    """One partition, archived through the proxy, with windows that close at once."""
    return run_silt(
        f"s3://{bucket}/archive",
        [topic],
        s3={"endpoint": proxy.endpoint},
        archive={"max_age": "1s", "gc_interval": "1s"},
    )


@pytest.fixture
def ledger_options(servers, topic):
    """ledger_options(records=N, ...): what ledger.fill takes, with the test's own topic."""

    def make(**changes):
        given = ["--brokers", servers.get("BROKERS"), "--registry", servers.get("REGISTRY_URL")]
        defaults = vars(ledgers.parse([*given, "--topic", topic]))
        return argparse.Namespace(**{**defaults, "pool": 2000, **changes})

    return make


@pytest.fixture
def assert_clean(servers):
    """assert_clean(root, ledgers...): the checker finds nothing; returns its summary."""

    def run(root, *ledger_list, endpoint="S3_ENDPOINT", **options):
        report = checker.check(
            root,
            ledger_list,
            servers.get(endpoint) if root.startswith("s3://") else None,
            servers.access_key,
            servers.secret_key,
            **options,
        )
        summary = report.summary()
        print(json.dumps(summary, indent=2, ensure_ascii=False))
        assert not report.faults, f"{len(report.faults)} faults:\n" + "\n".join(report.faults[:30])
        return summary

    return run
