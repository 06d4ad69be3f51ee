"""What a worker gives away, whom it believes, and what it may do: secrets in any output, certificates
of other servers, and running with next to no rights."""

import base64
import contextlib
import http.server
import json
import os
import pathlib
import secrets
import shlex
import shutil
import ssl
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request

import psycopg
import pytest
from confluent_kafka import admin

import confine
import ledger as ledgers
import silt_run
from conftest import absent
from servers import CHECKOUT
from test_kafka_access import QUICK, scram_user

PATHS = ["/", "/metrics", "/livez", "/readyz", "/api/v1/status", "/api/v1/lag", "/api/v1/rejects"]


def canary():
    return f"canary{secrets.token_hex(12)}"


def shapes(secret, user=""):
    """A secret as it stands, and as it travels."""
    raw = secret.encode()
    yield from (raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"="))
    yield base64.b64encode(f"{user}:{secret}".encode()).rstrip(b"=")


def assert_nowhere(hidden, outputs):
    """hidden: name -> (secret, user); outputs: name -> bytes."""
    found = [
        f"{name} in {place}: …{data[max(0, at - 80) : at]}…"
        for name, (secret, user) in hidden.items()
        for place, data in outputs.items()
        for shape in shapes(secret, user)
        if (at := data.find(shape)) >= 0
    ]
    assert outputs and all(outputs.values()), f"nothing to look at: {outputs.keys()}"
    assert not found, "\n".join(found)


def rows_of(dsn):
    """Every row of silt's schema, as text."""
    with psycopg.connect(dsn) as connection:
        tables = connection.execute(
            "select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname = 'silt' and c.relkind in ('r', 'p', 'v')"
        ).fetchall()
        return "\n".join(
            row[0]
            for (table,) in tables
            for row in connection.execute(f"select x::text from {table} x").fetchall()
        ).encode()


def said_by(binary, environment, *arguments):
    result = subprocess.run(
        [str(binary), *arguments], env=environment, capture_output=True, timeout=60, check=False
    )
    return result.stdout + result.stderr


def shown(worker, path):
    """The body of an answer, also of a 503."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{worker.port}{path}", timeout=30) as answer:
            return answer.read()
    except urllib.error.HTTPError as refusal:
        return refusal.read()


def outputs_of(run, worker, dsn):
    """Everything that a running worker shows to anybody."""
    process = pathlib.Path("/proc") / str(worker.process.pid)
    outputs = {path: shown(worker, path) for path in PATHS}
    outputs["argv"] = (process / "cmdline").read_bytes()
    store = run.store()
    for key in store.list(""):
        outputs[key] = key.encode() + store.get(key)[0]
    outputs["PostgreSQL"] = rows_of(dsn)
    config = ["--config", str(run.config)]
    for words in (["config", "--explain"], ["ls", "--json"], ["cat", "--limit", "50"], ["lag"]):
        name = " ".join(words)
        outputs[name] = said_by(run.binary, run.environment, *words[:1], *config, *words[1:])
    return outputs


def test_a_worker_shows_no_secret_anywhere(run_silt, servers, bucket, topic, database, tmp_path, ledger_options):
    """Each secret comes in by another way: environment, file, configuration."""
    user, password = scram_user(servers.get("BROKERS"), admin.ScramMechanism.SCRAM_SHA_256)
    hidden = {
        "SASL password": (password, user),
        "S3 secret": (servers.secret_key, servers.access_key),
        "registry password": (canary(), "reader"),
        "PostgreSQL password": (canary(), "silt"),
    }
    sasl = tmp_path / "kafka.properties"
    sasl.write_text(f"sasl.username={user}\nsasl.password={password}\n", encoding="utf-8")
    postgres = tmp_path / "postgres"
    dsn = database.replace("silt@", f"silt:{hidden['PostgreSQL password'][0]}@")
    postgres.write_text(dsn, encoding="utf-8")
    ledger = ledgers.fill(ledger_options(records=2000))
    run = run_silt(
        f"s3://{bucket}",
        [topic],
        kafka={
            "brokers": servers.get("BROKERS_SASL"),
            "properties": {
                **QUICK,
                "security.protocol": "SASL_SSL",
                "sasl.mechanism": "SCRAM-SHA-256",
                "ssl.ca.location": servers.get("TLS") + "/ca.pem",
            },
            "properties_file": str(sasl),
        },
        schema={"registry_user": "reader", "registry_password": hidden["registry password"][0]},
        metrics={"postgres_file": str(postgres), "interval": "500ms"},
        log={"level": "debug"},
    )
    worker = run.start()
    run.wait_archived(ledger)
    worker.wait_status(lambda status: rows_of(database).count(b"s3_upload") > 0)
    limits = pathlib.Path(f"/proc/{worker.process.pid}/limits").read_text(encoding="ascii")
    core = next(line.split() for line in limits.splitlines() if line.startswith("Max core file size"))
    assert core[4:6] == ["0", "0"], "a core file would hold them all"
    outputs = outputs_of(run, worker, database)
    run.stop()
    outputs["log"] = worker.log.read_bytes()
    assert b"reader" in outputs["config --explain"] and b"archive" in outputs["log"]
    assert_nowhere(hidden, outputs)


# --- who is refused --------------------------------------------------------------------------------


class Echo(http.server.BaseHTTPRequestHandler):
    """Refuses, and repeats in its answer whatever it was sent."""

    def answer(self):
        self.server.asked.append(self.path)
        body = json.dumps({"error_code": 401, "message": str(self.headers)}).encode()
        self.send_response(401)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_HEAD = answer

    def log_message(self, *arguments):  # pylint: disable=arguments-differ
        pass


@contextlib.contextmanager
def echo(address="127.0.0.1", tls=None):
    """Yields (port, what was asked for)."""
    server = http.server.ThreadingHTTPServer((address, 0), Echo)
    server.asked = []
    server.handle_error = lambda *arguments: None  # a client that hangs up in the handshake
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(f"{tls}/server.pem")
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server.server_port, server.asked
    finally:
        server.shutdown()
        server.server_close()


def test_a_store_that_repeats_what_it_is_sent(run_silt, topic):
    hidden = {"S3 secret": (canary(), "key"), "session token": (canary(), "")}
    with echo() as (port, asked):
        run = run_silt("s3://bucket", [topic], s3={"endpoint": f"http://127.0.0.1:{port}"}, log={"level": "debug"})
        run.environment |= {
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": hidden["S3 secret"][0],
            "AWS_SESSION_TOKEN": hidden["session token"][0],
        }
        worker = run.start()
        assert worker.process.wait(60) != 0
    assert asked
    assert_nowhere(hidden, {"log": worker.log.read_bytes()})


def test_partners_that_refuse_and_repeat(run_silt, servers, bucket, topic, ledger_options):
    """Kafka's client at its most talkative, a registry that repeats, a database without such a user."""
    hidden = {
        "SASL password": (canary(), "nobody"),
        "registry password": (canary(), "reader"),
        "PostgreSQL password": (canary(), "nobody"),
    }
    database = servers.get("PG_DSN").replace("silt@", f"nobody:{hidden['PostgreSQL password'][0]}@")
    sasl = {
        "security.protocol": "SASL_SSL",
        "sasl.mechanism": "PLAIN",
        "sasl.username": "nobody",
        "sasl.password": hidden["SASL password"][0],
        "ssl.ca.location": servers.get("TLS") + "/ca.pem",
        "debug": "all",
    }
    ledgers.fill(ledger_options(records=100))
    with echo() as (port, asked):
        schema = {
            "registry": f"http://127.0.0.1:{port}",
            "registry_user": "reader",
            "registry_password": hidden["registry password"][0],
        }
        options = {"schema": schema, "metrics": {"postgres": database}, "log": {"level": "debug"}}
        refused = run_silt(
            f"s3://{bucket}", [topic], kafka={"brokers": servers.get("BROKERS_SASL"), "properties": sasl}, **options
        )
        reading = run_silt(f"s3://{bucket}", [topic], **options)
        workers = [refused.start(), reading.start()]
        workers[0].wait_status(lambda _: b"Authentication failed" in workers[0].log.read_bytes())
        workers[1].wait_status(lambda _: asked and b"schema registry: " in workers[1].log.read_bytes())
        outputs = {f"{w.port}{path}": shown(w, path) for w in workers for path in PATHS}
    outputs |= {str(w.log): w.log.read_bytes() for w in workers}
    assert_nowhere(hidden, outputs)


# --- whom it believes --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "trusts"),
    [
        ("127.0.0.1", False),  # an authority that nobody vouched for
        ("127.0.0.2", True),  # a certificate of another server
    ],
)
def test_a_server_that_cannot_prove_who_it_is(run_silt, servers, topic, address, trusts):
    tls = servers.get("TLS")
    with echo(address, tls) as (port, asked):
        s3 = {"endpoint": f"https://{address}:{port}", "ca_file": f"{tls}/ca.pem" if trusts else ""}
        worker = run_silt("s3://bucket", [topic], s3=s3).start()
        assert worker.process.wait(90) != 0
    assert not asked, "it was told something before it had proved who it is"
    assert "certificate" in worker.log.read_text()


def test_a_server_with_the_right_certificate(run_silt, servers, topic):
    tls = servers.get("TLS")
    with echo("127.0.0.1", tls) as (port, asked):
        s3 = {"endpoint": f"https://127.0.0.1:{port}", "ca_file": f"{tls}/ca.pem"}
        worker = run_silt("s3://bucket", [topic], s3=s3).start()
        assert worker.process.wait(90) != 0
    assert asked


# --- what it may do ----------------------------------------------------------------------------------


@pytest.fixture(name="confined")
def fixture_confined(silt_bin):
    """A program that runs silt under deploy/seccomp.json, as nobody in particular, nothing writable."""
    if os.geteuid() != 0:
        pytest.skip("giving up the rights of root needs root")
    if not confine.UNISTD.exists():
        absent(f"no {confine.UNISTD}: the profile is for x86-64")
    # Where every user may look, which pytest's own folder is not.
    with tempfile.TemporaryDirectory(prefix="silt-confined-") as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        program = folder / "silt-confined"
        shutil.copy(silt_bin, folder / "silt")
        profile = CHECKOUT / "deploy/seccomp.json"
        launcher = CHECKOUT / "tests/integration/confine.py"
        words = [sys.executable, str(launcher), str(profile), str(folder / "silt")]
        program.write_text(f"#!/bin/sh\nexec {shlex.join(words)} \"$@\"\n", encoding="utf-8")
        program.chmod(0o755)
        yield program


def test_a_worker_with_next_to_no_rights(
    confined, servers, bucket, topic, database, ledger_options, assert_clean
):
    """All outputs on; then SIGTERM, which must find it able to end well."""
    ledger = ledgers.fill(ledger_options(records=2000, bad_ratio=0.02))
    root = f"s3://{bucket}"
    metrics = {
        "postgres": database,
        "cloudwatch": True,
        "cloudwatch_endpoint": servers.get("MOTO_ENDPOINT"),
        "interval": "500ms",
    }
    run = silt_run.SiltRun(confined, confined.parent, servers, root, [topic], metrics=metrics)
    try:
        worker = run.start()
        run.wait_archived(ledger)
        worker.wait_status(lambda status: rows_of(database).count(b"s3_upload") > 0)
        status = pathlib.Path(f"/proc/{worker.process.pid}/status").read_text(encoding="ascii")
        facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert facts["Uid"].split() == ["65532"] * 4
        assert int(facts["CapEff"], 16) == 0 and facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"
        run.stop()
    finally:
        run.close()
    assert_clean(root, ledger)


def test_the_profile_allows_nothing_that_reaches_beyond_the_process():
    profile = json.loads((CHECKOUT / "deploy/seccomp.json").read_text(encoding="utf-8"))
    allowed = {name for rule in profile["syscalls"] for name in rule["names"]}
    beyond = "ptrace process_vm_readv process_vm_writev kill mount umount2 unshare setns bpf perf_event_open"
    beyond += " io_uring_setup userfaultfd keyctl add_key request_key init_module kexec_load pivot_root chroot"
    beyond += " fork vfork execveat setuid setresuid setgroups capset memfd_create personality reboot swapon"
    assert not allowed & set(beyond.split())
