"""The ways into a Kafka cluster: how the connection is secured, who the worker is, how the group
shares partitions."""

import base64
import contextlib
import http.server
import json
import secrets
import threading
import time
import uuid

import pytest
from confluent_kafka import admin

import ledger as ledgers
from test_lifecycle import fetched
from test_thin_line import assert_books

QUICK = {"session.timeout.ms": "6000", "heartbeat.interval.ms": "300"}


@pytest.fixture(name="sasl_brokers", scope="session")
def fixture_sasl_brokers(servers):
    return servers.get("BROKERS_SASL")


@pytest.fixture(name="ca_file", scope="session")
def fixture_ca_file(servers):
    return servers.get("TLS") + "/ca.pem"


def scram_user(brokers, mechanism):
    """Makes a user; returns name and password."""
    name, password = f"user-{secrets.token_hex(4)}", secrets.token_hex(8)
    info = admin.ScramCredentialInfo(mechanism, 4096)
    change = admin.UserScramCredentialUpsertion(name, info, password.encode())
    client = admin.AdminClient({"bootstrap.servers": brokers})
    client.alter_user_scram_credentials([change])[name].result(30)
    return name, password


def deny(brokers, kind, name, principal):
    """An ACL that forbids everything on one topic or group."""
    binding = admin.AclBinding(
        kind,
        name,
        admin.ResourcePatternType.LITERAL,
        f"User:{principal}",
        "*",
        admin.AclOperation.ALL,
        admin.AclPermissionType.DENY,
    )
    client = admin.AdminClient({"bootstrap.servers": brokers})
    client.create_acls([binding])[binding].result(30)


@contextlib.contextmanager
def token_server(subject, lifetime_s=3600):
    """An OAuth token endpoint that knows one client; its tokens are not signed."""
    asked = []

    def part(value):
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):  # pylint: disable=invalid-name
            asked.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            now = time.time()
            claims = {"sub": subject, "iat": int(now) - 1, "exp": int(now) + lifetime_s}
            token = f"{part({'alg': 'none', 'typ': 'JWT'})}.{part(claims)}."
            body = json.dumps({"access_token": token, "expires_in": lifetime_s}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):  # pylint: disable=arguments-differ
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/token", asked
    finally:
        server.shutdown()
        server.server_close()


def archives(run_silt, ledger_options, bucket, topic, assert_clean, **kafka):
    """A worker with these settings archives the topic; returns its run."""
    ledger = ledgers.fill(ledger_options(records=2000))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], kafka=kafka)
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)
    return run


# --- who comes, and how --------------------------------------------------------------------------


def test_a_client_certificate(run_silt, ledger_options, bucket, topic, assert_clean, servers):
    folder = servers.get("TLS")
    properties = {
        "security.protocol": "SSL",
        "ssl.ca.location": f"{folder}/ca.pem",
        "ssl.certificate.location": f"{folder}/client.crt",
        "ssl.key.location": f"{folder}/client.key",
    }
    archives(
        run_silt,
        ledger_options,
        bucket,
        topic,
        assert_clean,
        brokers=servers.get("BROKERS_TLS"),
        properties={**QUICK, **properties},
    )


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_password(
    run_silt,
    ledger_options,
    bucket,
    topic,
    assert_clean,
    brokers,
    sasl_brokers,
    ca_file,
    tmp_path,
    mechanism,
):
    """The password comes from a file, as a mounted secret would."""
    user, password = "testkey", "testsecret"
    if mechanism != "PLAIN":
        user, password = scram_user(brokers, admin.ScramMechanism[mechanism.replace("-", "_")])
    secret = tmp_path / "kafka.properties"
    secret.write_text(f"sasl.username={user}\nsasl.password={password}\n", encoding="utf-8")
    secret.chmod(0o600)
    properties = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": mechanism,
        "ssl.ca.location": ca_file,
    }
    run = archives(
        run_silt,
        ledger_options,
        bucket,
        topic,
        assert_clean,
        brokers=sasl_brokers,
        properties={**QUICK, **properties},
        properties_file=str(secret),
    )
    assert password not in run.workers[0].log.read_text()


def test_a_token_of_an_identity_provider(
    run_silt, ledger_options, bucket, topic, assert_clean, sasl_brokers, ca_file
):
    with token_server("archiver") as (url, asked):
        properties = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": "archiver",
            "sasl.oauthbearer.client.secret": "its-secret",
            "sasl.oauthbearer.token.endpoint.url": url,
            "ssl.ca.location": ca_file,
        }
        run = archives(
            run_silt,
            ledger_options,
            bucket,
            topic,
            assert_clean,
            brokers=sasl_brokers,
            properties={**QUICK, **properties},
        )
    assert asked and "grant_type=client_credentials" in asked[0]
    assert "its-secret" not in run.workers[0].log.read_text()


# --- who is refused learns why -------------------------------------------------------------------


def told(worker, *words, seconds=60):
    """The first line of the log that has all the words."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for line in worker.lines():
            if all(word in line.get("msg", "") for word in words):
                return line
        time.sleep(0.1)
    raise AssertionError(f"no line with {words}:\n{worker.log.read_text()[-3000:]}")


def test_a_wrong_password_is_named(run_silt, bucket, topic, sasl_brokers, ca_file):
    properties = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "testkey",
        "sasl.password": "not-the-password",
        "ssl.ca.location": ca_file,
    }
    run = run_silt(f"s3://{bucket}", [topic], kafka={"brokers": sasl_brokers, "properties": properties})
    worker = run.start()
    line = told(worker, "Authentication failed", "Invalid username or password")
    assert "sasl.*" in line["action"]
    worker.wait_status(lambda s: not s["ready"] and "consumer group" in s["ready_why"])
    assert "not-the-password" not in worker.log.read_text()


def test_an_unknown_authority_is_named(run_silt, bucket, topic, sasl_brokers):
    properties = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "testkey",
        "sasl.password": "testsecret",
    }
    run = run_silt(f"s3://{bucket}", [topic], kafka={"brokers": sasl_brokers, "properties": properties})
    told(run.start(), "certificate verify failed")


@pytest.mark.parametrize(
    ("kind", "words"),
    [("topic", ("opic authorization failed",)), ("group", ("roup authorization failed",))],
)
def test_a_missing_right_is_named(
    run_silt, ledger_options, bucket, topic, brokers, sasl_brokers, ca_file, kind, words
):
    ledgers.fill(ledger_options(records=100))
    user, password = scram_user(brokers, admin.ScramMechanism.SCRAM_SHA_512)
    group = f"group-{uuid.uuid4()}"
    if kind == "topic":
        deny(brokers, admin.ResourceType.TOPIC, topic, user)
    else:
        deny(brokers, admin.ResourceType.GROUP, group, user)
    properties = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": user,
        "sasl.password": password,
        "ssl.ca.location": ca_file,
    }
    kafka = {"brokers": sasl_brokers, "properties": {**QUICK, **properties}, "group": group}
    run = run_silt(f"s3://{bucket}", [topic], kafka=kafka)
    line = told(run.start(), *words)
    assert "let this user read" in line["action"]
    assert not run.durable(topic)


# --- how the group shares ------------------------------------------------------------------------


def without_classic(run):
    """The worker's settings, less what only the classic protocol knows."""
    run.settings["kafka"]["properties"] = {}
    run.config.write_text(json.dumps(run.settings), encoding="utf-8")


def shared_by(run, count, partitions):
    """Until that many workers have partitions, and all of them together each once."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        statuses = [w.status() for w in run.workers if w.running()]
        parts = [[p["partition"] for p in s["partitions"]] for s in statuses if s]
        everything = sorted(p for some in parts for p in some)
        if sum(map(bool, parts)) == count and everything == list(range(partitions)):
            return
        time.sleep(0.2)
    raise AssertionError(f"not shared by {count}: {parts}")


def test_the_group_protocol_of_the_broker(
    run_silt, ledger_options, bucket, topic, assert_clean
):
    """KIP-848: two workers share, one is killed, the other takes over, a third comes."""
    ledger = ledgers.fill(ledger_options(records=3000))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], kafka={"group_protocol": "consumer"})
    without_classic(run)
    run.start(2)
    partitions = len(ledger.entries)
    shared_by(run, 2, partitions)
    run.wait_archived(ledger)
    ledger.merge(ledgers.fill(ledger_options(records=3000, seed=2)))
    run.workers[0].kill()
    shared_by(run, 1, partitions)
    run.start()
    shared_by(run, 2, partitions)
    ledger.merge(ledgers.fill(ledger_options(records=3000, seed=3)))
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


def test_a_static_member_comes_back_without_a_rebalance(
    run_silt, ledger_options, bucket, topic, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=2000))
    root = f"s3://{bucket}"
    properties = {**QUICK, "session.timeout.ms": "30000"}
    run = run_silt(root, [topic], kafka={"properties": properties})
    run.environment["SILT_KAFKA_INSTANCE_ID"] = "pod-0"
    first = run.start()
    run.environment["SILT_KAFKA_INSTANCE_ID"] = "pod-1"
    other = run.start()
    shared_by(run, 2, len(ledger.entries))
    first.wait_status(fetched)
    had = {p["partition"] for p in first.status()["partitions"]}
    moves = len(other.lines("assigned")) + len(other.lines("revoked"))
    first.terminate()
    run.environment["SILT_KAFKA_INSTANCE_ID"] = "pod-0"
    again = run.start()
    again.wait_status(lambda s: {p["partition"] for p in s["partitions"]} == had)
    ledger.merge(ledgers.fill(ledger_options(records=2000, seed=2)))
    run.wait_archived(ledger)
    assert len(other.lines("assigned")) + len(other.lines("revoked")) == moves
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)
