"""silt doctor against set-ups that are broken in one place each: it names the cause and the way out,
and goes on with everything else."""

import contextlib
import datetime
import email.utils
import http.server
import json
import os
import pathlib
import secrets
import subprocess
import threading

import boto3
import psycopg
import pytest
from confluent_kafka import admin

import ledger as ledgers
import sensors
from servers import CHECKOUT
from silt_run import free_port
from test_credentials import without_keys
from test_kafka_access import deny, scram_user

DONE, FAILED, USAGE, UNREACHABLE = range(4)
CHECKS_OF = {
    "kafka": ["kafka"],
    "dlq": ["kafka"],
    "schema": ["schema"],
    "privacy": ["schema"],
    "s3": ["aws"],
    "archive": ["store"],
    "metrics": ["postgres", "cloudwatch"],
}


class Visit:
    """One run of silt doctor --json."""

    def __init__(self, silt_bin, folder, settings, environment, only):
        config = folder / "silt.yaml"
        config.write_text(json.dumps(settings), encoding="utf-8")
        self.command = [str(silt_bin), "doctor", "--config", str(config), *only]
        self.environment = environment
        self.code, self.text = self.run("--json")
        assert all(line.startswith("{") for line in self.text.splitlines()), self.text
        self.results = {line["check"]: line for line in map(json.loads, self.text.splitlines())}

    def run(self, *flags):
        done = subprocess.run(
            [*self.command, *flags],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=60,
            check=False,
        )
        return done.returncode, done.stdout

    def state(self, check):
        return self.results[check]["state"]

    def ill(self, check, cause, mend, code=FAILED, state="failed"):
        """This check and none before it found the cause, and says what to do."""
        found = self.results[check]
        assert found["state"] == state, self.text
        assert cause in found["finding"], found
        assert mend in found["mend"], found
        assert self.code == code, self.text
        failed = [name for name, line in self.results.items() if line["state"] == "failed"]
        assert failed == ([check] if state == "failed" else []), self.text


def made(servers, topic, settings=None):
    """A topic that the broker knows of, too."""
    brokers = servers.get("BROKERS")
    ledgers.create_topic(brokers, topic, 1, settings)
    ledgers.topic_id(brokers, topic)


@pytest.fixture(name="topic", scope="module")
def fixture_topic(servers):
    """One for all: a visit only reads."""
    name = f"doctor-{secrets.token_hex(4)}"
    made(servers, name)
    return name


@pytest.fixture(name="visit")
def fixture_visit(servers, silt_bin, tmp_path, topic):
    """visit(section={...}) runs the doctor; what no section names is well, or not there at all.
    Only the checks of those sections are run, unless all are wanted."""

    def run(environment=(), everything=False, **sections):
        root = tmp_path / "archive"
        root.mkdir(exist_ok=True)
        settings = {
            "kafka": {"brokers": servers.get("BROKERS"), "topics": [topic]},
            "schema": {
                "framing": "none",
                "files": [str(CHECKOUT / "tests/data/sensor_reading.v1.avsc")],
            },
            "archive": {"root": f"file://{root}"},
        }
        for section, values in sections.items():
            settings.setdefault(section, {}).update(values)
        clean = without_keys(os.environ, HOME=str(tmp_path), AWS_EC2_METADATA_DISABLED="true")
        only = [] if everything else [check for name in sections for check in CHECKS_OF[name]]
        return Visit(silt_bin, tmp_path, settings, {**clean, **dict(environment)}, only)

    return run


def s3(endpoint, access_key="testkey", secret="testsecret", **others):
    keys = {"access_key_id": access_key, "secret_access_key": secret}
    return {"endpoint": endpoint, "region": "us-east-1", "path_style": True, **keys, **others}


# --- all is well -----------------------------------------------------------------------------------


def test_nothing_to_mend(visit, servers, bucket, database, registry, topic):
    """With every neighbour; only small objects are left behind."""
    schema = (CHECKOUT / "tests/data/sensor_reading.v1.avsc").read_text(encoding="utf-8")
    ledgers.register(registry, f"{topic}-value", schema)
    made(servers, f"{topic}-dead")
    well = visit(
        everything=True,
        dlq={"topic": f"{topic}-dead"},
        schema={"framing": "confluent", "files": [], "registry": registry},
        archive={"root": f"s3://{bucket}/root"},
        s3=s3(servers.get("S3_ENDPOINT")),
        metrics={
            "postgres": database,
            "cloudwatch": True,
            "cloudwatch_endpoint": servers.get("MOTO_ENDPOINT"),
        },
    )
    # versitygw tells no lifecycle rules
    states = {name: line["state"] for name, line in well.results.items()}
    assert {name for name, state in states.items() if state != "ok"} == {"store.lifecycle"}, well.text
    assert states["store.lifecycle"] == "warning" and well.code == DONE
    store = servers.s3()
    keys = [item["Key"] for item in store.list_objects_v2(Bucket=bucket)["Contents"]]
    assert all(key.startswith("root/_probe/") for key in keys), keys
    assert not store.list_multipart_uploads(Bucket=bucket).get("Uploads")
    assert "testsecret" not in well.text
    code, text = well.run()
    assert code == DONE and "\033" not in text
    assert "doctor: OK" in text and "to mend: add a rule" in text


def test_a_directory_needs_no_credentials(visit):
    well = visit(everything=True)
    assert well.code == DONE and well.state("store.races") == "ok", well.text
    assert "none needed" in well.results["aws.credentials"]["finding"]
    assert well.state("cloudwatch") == well.state("postgres.rights") == "skipped"


def test_a_wrong_configuration(visit):
    broken = visit(archive={"codek": "zstd"})
    broken.ill("config", "archive.codec", "correct this first", USAGE)


# --- brokers ---------------------------------------------------------------------------------------


def test_a_broker_that_is_not_there(visit):
    broken = visit(everything=True, kafka={"brokers": f"127.0.0.1:{free_port()}"})
    broken.ill("kafka.brokers", "Connection refused", "host and port in kafka.brokers", UNREACHABLE)
    assert broken.state("kafka.topics") == broken.state("kafka.group") == "skipped"
    assert broken.state("store.write") == "ok"


def test_a_name_that_nobody_knows(visit):
    """Longer than a name may be, so that nobody has to be asked."""
    broken = visit(kafka={"brokers": f"{'x' * 64}.localhost:9092", "allow_plaintext": True})
    broken.ill("kafka.brokers", "Failed to resolve", "DNS", UNREACHABLE)


def test_plain_text_to_a_listener_of_tls(visit, servers):
    broken = visit(kafka={"brokers": servers.get("BROKERS_SASL")})
    broken.ill("kafka.brokers", "hang up", "security.protocol to SSL or SASL_SSL")


def test_tls_to_a_listener_of_plain_text(visit, servers):
    broken = visit(kafka={"properties": {"security.protocol": "SSL"}})
    broken.ill("kafka.brokers", "SSL", "choose a listener and security.protocol that fit")


def sasl(user, password, **others):
    known = {"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}
    return {**known, "sasl.username": user, "sasl.password": password, **others}


def test_an_unknown_authority(visit, servers):
    broken = visit(
        kafka={"brokers": servers.get("BROKERS_SASL"), "properties": sasl("testkey", "testsecret")}
    )
    broken.ill("kafka.brokers", "certificate verify failed", "ssl.ca.location")


def test_a_wrong_password_for_kafka(visit, servers):
    properties = sasl("testkey", "not-it", **{"ssl.ca.location": servers.get("TLS") + "/ca.pem"})
    broken = visit(kafka={"brokers": servers.get("BROKERS_SASL"), "properties": properties})
    broken.ill("kafka.brokers", "Authentication failed", "sasl.password")
    assert "not-it" not in broken.text


# --- topics and group ------------------------------------------------------------------------------


def test_a_missing_topic(visit, topic):
    broken = visit(kafka={"topics": [topic, "nowhere"]})
    broken.ill("kafka.topics", "not there: nowhere", "create the topic")


def test_a_pattern_that_matches_nothing(visit):
    broken = visit(kafka={"topics": ["^nothing-.*"]})
    broken.ill("kafka.topics", "no topic matches", "correct the pattern", DONE, "warning")


def test_a_dead_letter_topic_that_is_not_there(visit):
    broken = visit(dlq={"topic": "nowhere"})
    broken.ill("kafka.dead_letters", "nowhere is not there", "dlq.topic")


@pytest.mark.parametrize("kind", ["topic", "group", "dead letters"])
def test_a_missing_right(visit, servers, topic, kind):
    user, password = scram_user(servers.get("BROKERS"), admin.ScramMechanism.SCRAM_SHA_256)
    name = f"doctor-{secrets.token_hex(4)}"
    made(servers, name)
    resource = admin.ResourceType.GROUP if kind == "group" else admin.ResourceType.TOPIC
    deny(servers.get("BROKERS"), resource, name, user)
    properties = {
        **sasl(user, password),
        "sasl.mechanism": "SCRAM-SHA-256",
        "ssl.ca.location": servers.get("TLS") + "/ca.pem",
    }
    broken = visit(
        kafka={
            "brokers": servers.get("BROKERS_SASL"),
            "properties": properties,
            "topics": [name if kind == "topic" else topic],
            "group": name,
        },
        dlq={"topic": name if kind == "dead letters" else ""},
    )
    check, cause = {
        "topic": ("kafka.topics", "may not read"),
        "group": ("kafka.group", "roup authorization failed"),
        "dead letters": ("kafka.dead_letters", "may not write"),
    }[kind]
    broken.ill(check, cause, "kafka-acls --add")


@pytest.mark.parametrize(
    ("settings", "cause", "mend", "state"),
    [
        ({"retention.ms": "60000"}, "for 1 min", "retention.ms", "failed"),
        ({"retention.ms": "3600000"}, "for 60 min", "outage", "warning"),
        ({"cleanup.policy": "compact"}, "compacted", "cleanup.policy", "warning"),
    ],
)
def test_records_that_go_too_early(visit, servers, settings, cause, mend, state):
    name = f"doctor-{secrets.token_hex(4)}"
    made(servers, name, settings)
    broken = visit(kafka={"topics": [name]})
    broken.ill("kafka.retention", cause, mend, FAILED if state == "failed" else DONE, state)


# --- schemas ---------------------------------------------------------------------------------------


def with_registry(visit, url, **others):
    return visit(schema={"framing": "confluent", "files": [], "registry": url, **others})


def test_a_registry_behind_another_path(visit, registry):
    broken = with_registry(visit, registry.replace("/ccompat/v7", "/wrong"))
    broken.ill("schema.registry", "wrong path", "path of schema.registry")


def test_a_registry_that_is_not_there(visit):
    broken = with_registry(visit, f"http://127.0.0.1:{free_port()}")
    broken.ill("schema.registry", "connect", "host and port of schema.registry", UNREACHABLE)
    assert broken.state("schema.subjects") == "skipped"


@contextlib.contextmanager
def scripted(answer):
    """A server: answer(method, path, headers, body) -> (status, headers, body)."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one(self):
            length = int(self.headers.get("Content-Length") or 0)
            asked = (self.command, self.path, self.headers, self.rfile.read(length))
            status, headers, body = answer(*asked)
            self.send_response_only(status)
            given = {"Content-Length": str(len(body)), "Date": email.utils.formatdate(usegmt=True)}
            for name, value in {**given, **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = handle_one

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "body", "cause", "mend"),
    [
        (401, b"{}", "HTTP 401", "schema.registry_password"),
        (403, b"{}", "HTTP 403", "let this user read"),
        (200, b"<html>please log in</html>", "not that of a schema registry", "/apis/ccompat/v7"),
    ],
)
def test_a_registry_that_refuses(visit, status, body, cause, mend):
    with scripted(lambda *_: (status, {}, body)) as url:
        broken = with_registry(visit, url, registry_user="reader", registry_password="hush-hush")
    broken.ill("schema.registry", cause, mend)
    assert "hush-hush" not in broken.text


def test_a_topic_without_a_schema(visit, registry, servers):
    name = f"doctor-{secrets.token_hex(4)}"
    made(servers, name)
    settings = {"framing": "confluent", "files": [], "registry": registry}
    broken = visit(schema=settings, kafka={"topics": [name]})
    broken.ill("schema.subjects", f"{name}-value", "register the schema", DONE, "warning")


def test_a_path_of_personal_data_that_is_misspelt(visit, registry, servers):
    name = f"doctor-{secrets.token_hex(4)}"
    made(servers, name)
    ledgers.register(registry, f"{name}-value", sensors.load_schema("sensor_reading.v2"))
    settings = {"framing": "confluent", "files": [], "registry": registry}
    options = {"schema": settings, "kafka": {"topics": [name]}}
    well = visit(privacy={"drop": ["location.site", "tags"]}, **options)
    assert well.state("schema.subjects") == "ok"
    broken = visit(privacy={"drop": ["location.site", "tgas"]}, **options)
    broken.ill("schema.subjects", f"{name} has no field tgas", "correct the path", DONE, "warning")


def test_a_schema_file_that_is_not_there(visit):
    broken = visit(schema={"files": ["/nowhere.avsc"]})
    broken.ill("schema.files", "/nowhere.avsc", "schema.files")


# --- the store -------------------------------------------------------------------------------------


def on_s3(visit, bucket, endpoint, *arguments, environment=(), **others):
    return visit(
        environment, archive={"root": f"s3://{bucket}/root"}, s3=s3(endpoint, *arguments, **others)
    )


def test_a_missing_bucket(visit, servers):
    broken = on_s3(visit, "no-such-bucket", servers.get("S3_ENDPOINT"))
    broken.ill("store.bucket", "NoSuchBucket", "create the bucket")
    assert broken.state("store.write") == broken.state("store.races") == "skipped"


@pytest.mark.parametrize("store", ["S3_ENDPOINT", "MINIO_ENDPOINT"])
def test_wrong_keys(visit, servers, bucket, minio_bucket, store):
    name = bucket if store == "S3_ENDPOINT" else minio_bucket
    broken = on_s3(visit, name, servers.get(store), "testkey", "not-the-secret")
    broken.ill("store.bucket", "SignatureDoesNotMatch", "s3.secret_access_key")
    assert "not-the-secret" not in broken.text
    broken = on_s3(visit, name, servers.get(store), "nobodys")
    broken.ill("store.bucket", "", "does not know the access key")


def test_a_wrong_region(visit, servers, bucket):
    broken = on_s3(visit, bucket, servers.get("S3_ENDPOINT"), region="eu-west-9")
    broken.ill("store.bucket", "is in region us-east-1", "s3.region")


def test_a_bucket_in_another_region_of_aws(visit):
    """AWS redirects, and names the region in a header."""
    answer = refusal("PermanentRedirect", 301, **{"x-amz-bucket-region": "eu-west-3"})
    with scripted(answer) as url:
        broken = on_s3(visit, "bucket", url)
    broken.ill("store.bucket", "is in region eu-west-3", "s3.region")


def test_a_store_that_is_not_there(visit):
    broken = on_s3(visit, "bucket", f"http://127.0.0.1:{free_port()}")
    broken.ill("store.bucket", "connect", "s3.endpoint", UNREACHABLE)


def test_a_profile_that_is_nowhere(visit, servers, bucket):
    broken = on_s3(visit, bucket, servers.get("S3_ENDPOINT"), "", "", profile="nobody")
    broken.ill("aws.credentials", "profile nobody", "set up one source")
    assert broken.state("store.bucket") == "skipped"


def test_whose_keys_they_are(visit, moto, bucket):
    """moto's STS knows everybody."""
    named = on_s3(visit, bucket, moto, sts_endpoint=moto)
    assert "arn:aws:" in named.results["aws.credentials"]["finding"], named.text


def limited(servers, *denied):
    """Keys of a session that may do everything but that."""
    endpoint = servers.get("MINIO_ENDPOINT")
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]},
            {"Effect": "Deny", "Action": list(denied), "Resource": ["arn:aws:s3:::*"]},
        ],
    }
    sts = boto3.client(
        "sts",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id=servers.access_key,
        aws_secret_access_key=servers.secret_key,
    )
    role_arn = "arn:aws:iam::123456789012:role/few"
    keys = sts.assume_role(RoleArn=role_arn, RoleSessionName="few", Policy=json.dumps(policy))
    return keys["Credentials"]


@pytest.mark.parametrize(
    ("check", "right"),
    [
        ("store.list", "s3:ListBucket"),
        ("store.write", "s3:PutObject"),
        ("store.read", "s3:GetObject"),
        ("store.uploads", "s3:AbortMultipartUpload"),
        ("store.uploads", "s3:ListMultipartUploadParts"),
        ("store.uploads", "s3:ListBucketMultipartUploads"),
        ("store.lifecycle", "s3:GetLifecycleConfiguration"),
    ],
)
def test_a_missing_right_at_the_store(visit, servers, minio_bucket, check, right):
    keys = limited(servers, right)
    broken = on_s3(
        visit,
        minio_bucket,
        servers.get("MINIO_ENDPOINT"),
        keys["AccessKeyId"],
        keys["SecretAccessKey"],
        session_token=keys["SessionToken"],
    )
    found = broken.results[check]
    assert found["state"] == ("warning" if check == "store.lifecycle" else "failed"), broken.text
    assert "AccessDenied" in found["finding"] and f"grant {right} " in found["mend"], found
    assert broken.state("store.bucket") == "ok" and keys["SecretAccessKey"] not in broken.text


def test_a_lifecycle_rule_that_is_too_short(visit, moto, topic):
    bucket = topic
    client = boto3.client(
        "s3",
        endpoint_url=moto,
        aws_access_key_id="x",
        aws_secret_access_key="x",
        region_name="us-east-1",
    )
    client.create_bucket(Bucket=bucket)
    rule = {
        "ID": "short",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    }
    client.put_bucket_lifecycle_configuration(
        Bucket=bucket, LifecycleConfiguration={"Rules": [rule]}
    )
    short = {"archive": {"root": f"s3://{bucket}/root", "max_upload_age": "8h"}, "s3": s3(moto)}
    found = visit(**short).results["store.lifecycle"]
    assert found["state"] == "failed" and "aborts uploads after 24 h" in found["finding"], found
    assert "archive.max_upload_age" in found["mend"]
    long = {"archive": {"root": f"s3://{bucket}/root", "max_upload_age": "4h"}, "s3": s3(moto)}
    assert visit(**long).results["store.lifecycle"]["state"] == "ok"


def refusal(code, status=403, **headers):
    body = f"<Error><Code>{code}</Code><Message>so it is</Message></Error>".encode()
    return lambda *_: (status, headers, body)


@pytest.mark.parametrize(
    ("code", "mend"),
    [("ExpiredToken", "issue new ones"), ("RequestTimeTooSkewed", "chrony")],
)
def test_a_store_that_believes_nobody(visit, code, mend):
    with scripted(refusal(code)) as url:
        broken = on_s3(visit, "bucket", url, session_token="old-token")
    broken.ill("store.bucket", code, mend)
    assert "old-token" not in broken.text


class Naive:
    """A store of a few lines that takes every PUT, whatever stands there."""

    def __init__(self, behind_s=0):
        self.objects, self.behind_s = {}, behind_s

    def __call__(self, method, path, headers, body):
        late = datetime.datetime.now(datetime.timezone.utc).timestamp() + self.behind_s
        given = {"Date": email.utils.formatdate(late, usegmt=True), "ETag": '"e"'}
        path = path.split("?")[0]
        if method == "PUT":
            self.objects[path] = body
            return 200, given, b""
        if path.endswith("/bucket"):
            return 200, given, b"<ListBucketResult></ListBucketResult>"
        if path in self.objects:
            return 200, given, self.objects[path]
        return 404, given, b"<Error><Code>NoSuchKey</Code></Error>"


def test_a_store_without_put_if_absent(visit):
    with scripted(Naive()) as url:
        broken = on_s3(visit, "bucket", url)
    found = broken.results["store.write"]
    assert found["state"] == "failed" and "ignores If-None-Match" in found["finding"], broken.text
    assert "conditional writes" in found["mend"] and broken.state("store.races") == "skipped"


def test_a_clock_that_is_wrong(visit):
    with scripted(Naive(behind_s=3600)) as url:
        broken = on_s3(visit, "bucket", url)
    found = broken.results["store.clock"]
    assert found["state"] == "failed" and "behind the store's" in found["finding"], broken.text
    assert "chrony" in found["mend"] and broken.state("store.list") == "ok"


# --- PostgreSQL ------------------------------------------------------------------------------------


def test_a_postgres_that_is_not_there(visit):
    broken = visit(metrics={"postgres": f"postgresql://silt:hush@127.0.0.1:{free_port()}/silt"})
    broken.ill("postgres.connection", "refused", "host, port and database", UNREACHABLE)
    assert broken.state("postgres.rights") == "skipped" and "hush" not in broken.text


@contextlib.contextmanager
def role(database, password):
    """A user that must give its password, until the test is over."""
    name = f"r{secrets.token_hex(4)}"
    with psycopg.connect(database, autocommit=True) as connection:
        connection.execute(f"create role {name} login password '{password}'")
        rules = pathlib.Path(connection.execute("show hba_file").fetchone()[0])
        before = rules.read_text(encoding="utf-8")
        line = f"host all {name} 127.0.0.1/32 scram-sha-256\n"
        rules.write_text(line + before, encoding="utf-8")
        connection.execute("select pg_reload_conf()")
        try:
            yield name
        finally:
            rules.write_text(before, encoding="utf-8")
            connection.execute("select pg_reload_conf()")
            connection.execute(f"drop owned by {name}")
            connection.execute(f"drop role {name}")


def as_role(database, name, password):
    return database.replace("//silt@", f"//{name}:{password}@")


def test_a_role_that_may_do_nothing(visit, database):
    with role(database, "the-password") as name:
        broken = visit(metrics={"postgres": as_role(database, name, "not-it")})
        broken.ill("postgres.connection", "password authentication failed", "user and password")
        assert "not-it" not in broken.text
        broken = visit(metrics={"postgres": as_role(database, name, "the-password")})
        broken.ill("postgres.rights", "may not create it", "grant create on the database")


def test_a_schema_that_is_there_but_not_for_us(visit, database, silt_bin, tmp_path):
    """As after a worker of the owner; the role was given the database and nothing else."""
    with psycopg.connect(database, autocommit=True) as connection:
        for file in sorted((CHECKOUT / "schemas/postgres").glob("*.sql")):
            connection.execute("create schema if not exists silt")
            connection.execute("create table silt.migration (version int primary key, name text)")
            connection.execute(file.read_text(encoding="utf-8"))
            connection.execute("insert into silt.migration values (1, 'x')")
    assert "version 1" in visit(metrics={"postgres": database}).results["postgres.rights"]["finding"]
    with role(database, "the-password") as name:
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"grant usage on schema silt to {name}")
            connection.execute(f"grant select on silt.migration to {name}")
        broken = visit(metrics={"postgres": as_role(database, name, "the-password")})
        broken.ill("postgres.rights", "may not insert", "grant insert")


# --- CloudWatch ------------------------------------------------------------------------------------


def with_cloudwatch(visit, url):
    return visit(
        metrics={"cloudwatch": True, "cloudwatch_endpoint": url, "cloudwatch_region": "eu-west-1"},
        s3={"access_key_id": "key", "secret_access_key": "hush-hush"},
    )


def test_a_cloudwatch_that_refuses(visit):
    body = b'{"__type":"AccessDeniedException","message":"not you"}'
    with scripted(lambda *_: (400, {}, body)) as url:
        broken = with_cloudwatch(visit, url)
    broken.ill("cloudwatch", "AccessDeniedException", "cloudwatch:PutMetricData")
    assert "hush-hush" not in broken.text


def test_a_cloudwatch_that_is_not_there(visit):
    broken = with_cloudwatch(visit, f"http://127.0.0.1:{free_port()}")
    broken.ill("cloudwatch", "connect", "metrics.cloudwatch_endpoint", UNREACHABLE)
