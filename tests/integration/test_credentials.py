"""Credentials as operators have them: a profile with a role, a web identity, keys that expire.

moto's STS hands out keys that only moto knows, and moto checks no signature; MinIO's STS hands out
keys that MinIO's own S3 side checks.
"""

import datetime
import http.server
import json
import os
import subprocess
import threading
import time

import pytest

import ledger as ledgers
import stores
from test_thin_line import assert_books

NO_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE")


def shared_files(folder, servers):
    """A profile that assumes a role with the keys of another one."""
    (folder / "credentials").write_text(
        f"[base]\naws_access_key_id = {servers.access_key}\n"
        f"aws_secret_access_key = {servers.secret_key}  ; of the test servers\n",
        encoding="utf-8",
    )
    (folder / "config").write_text(
        "[profile archive]\nrole_arn = arn:aws:iam::123456789012:role/archive\n"
        "source_profile = base\nrole_session_name = silt-test\n",
        encoding="utf-8",
    )
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        "AWS_CONFIG_FILE": str(folder / "config"),
    }


def without_keys(environment, **others):
    kept = {name: value for name, value in environment.items() if name not in NO_KEYS}
    return {**kept, **others}


def run_on_minio(run_silt, servers, topic, root, environment, **s3):
    run = run_silt(root, [topic], s3={"endpoint": servers.get("MINIO_ENDPOINT"), **s3})
    run.archive_endpoint = "MINIO_ENDPOINT"
    run.environment = without_keys(run.environment, **environment)
    return run


def test_a_profile_assumes_its_role(
    run_silt, ledger_options, minio_bucket, servers, topic, tmp_path, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=2000))
    root = f"s3://{minio_bucket}/archive"
    run = run_on_minio(
        run_silt,
        servers,
        topic,
        root,
        shared_files(tmp_path, servers),
        profile="archive",
        sts_endpoint=servers.get("MINIO_ENDPOINT"),
    )
    worker = run.start()
    run.wait_archived(ledger)
    run.stop()
    told = worker.lines("credentials")
    assert [line["source"] for line in told] == ["profile base"], told
    assert told[0]["until"] > datetime.datetime.now(datetime.timezone.utc).isoformat()
    assert_books(assert_clean(root, ledger, endpoint="MINIO_ENDPOINT"), ledger)


class Container:
    """Stands in for the credentials endpoint of a container: keys that live for a moment."""

    def __init__(self, servers, life_s):
        self.keys = (servers.access_key, servers.secret_key)
        self.life_s = life_s
        self.asked, self.status = 0, 200
        container = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                container.asked += 1
                body = container.answer(self.headers.get("Authorization"))
                self.send_response(container.status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def answer(self, authorization):
        assert authorization == "pod-token"
        until = datetime.datetime.now(datetime.timezone.utc)
        until += datetime.timedelta(seconds=self.life_s)
        access_key, secret = self.keys
        return json.dumps(
            {
                "AccessKeyId": access_key,
                "SecretAccessKey": secret,
                "Expiration": until.strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        ).encode()

    def environment(self):
        return {
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"http://127.0.0.1:{self.server.server_port}/v1",
            "AWS_CONTAINER_AUTHORIZATION_TOKEN": "pod-token",
        }


@pytest.fixture
def container(servers):
    endpoint = Container(servers, life_s=8)
    yield endpoint
    endpoint.server.shutdown()
    endpoint.server.server_close()


def test_keys_expire_fail_and_change_while_a_worker_runs(
    run_silt, ledger_options, minio_bucket, servers, topic, container, assert_clean
):
    """Three things go wrong in a row, none of them ends the worker or loses a record."""
    root = f"s3://{minio_bucket}/archive"
    environment = {**container.environment(), "AWS_CONFIG_FILE": os.devnull}
    run = run_on_minio(run_silt, servers, topic, root, environment)
    ledger = ledgers.fill(ledger_options(records=1000))
    worker = run.start()
    run.wait_archived(ledger)
    # the endpoint fails until the keys have expired
    container.status = 500
    wait_for(lambda: len(worker.lines("credentials_failed")) >= 4, run)
    container.status = 200
    # keys that the store does not know, which live for an hour
    good, container.keys, container.life_s = container.keys, ("rotated", "away"), 3600
    wait_for(lambda: worker.lines("credentials")[-1]["until"] > later(1800), run)
    ledger.merge(ledgers.fill(ledger_options(records=1000, seed=2)))
    container.keys = good
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger, endpoint="MINIO_ENDPOINT"), ledger)


def test_a_web_identity_and_a_role_behind_it(
    run_silt, ledger_options, moto, topic, tmp_path
):
    """On moto's own S3, because nobody else knows the keys that its STS gives. What lies there is
    not read back: moto tells another checksum of a multipart object than the one it was given."""
    bucket = f"silt-{topic}"
    stores.s3_client(moto, "any", "any").create_bucket(Bucket=bucket)
    token = tmp_path / "token"
    token.write_text("eyJhbGciOiJub25lIn0.e30.\n", encoding="utf-8")
    ledger = ledgers.fill(ledger_options(records=1000))
    root = f"s3://{bucket}/archive"
    role = {"role_arn": "arn:aws:iam::210987654321:role/archive", "external_id": "x"}
    run = run_silt(root, [topic], s3={"endpoint": moto, "sts_endpoint": moto, **role})
    run.archive_endpoint = "MOTO_ENDPOINT"
    run.environment = without_keys(
        run.environment,
        AWS_WEB_IDENTITY_TOKEN_FILE=str(token),
        AWS_ROLE_ARN="arn:aws:iam::123456789012:role/pod",
    )
    worker = run.start()
    run.wait_archived(ledger)
    run.stop()
    (told,) = worker.lines("credentials")
    assert told["source"] == "web identity of arn:aws:iam::123456789012:role/pod"


def test_what_is_missing_is_named(silt_bin, tmp_path):
    config = tmp_path / "silt.yaml"
    config.write_text('{"archive": {"root": "s3://bucket/p"}, "s3": {"region": "eu-west-1"}}')

    def listed(**variables):
        return subprocess.run(
            [str(silt_bin), "ls", "--config", str(config)],
            env=without_keys(os.environ, HOME=str(tmp_path), **variables),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    nobody = listed(AWS_EC2_METADATA_DISABLED="true")
    assert nobody.returncode == 2 and "no AWS credentials" in nobody.stderr, nobody
    profile = listed(AWS_PROFILE="nobody")
    assert profile.returncode == 2 and "profile nobody is in neither" in profile.stderr, profile
    role = {"AWS_WEB_IDENTITY_TOKEN_FILE": "/nonexistent", "AWS_ROLE_ARN": "arn:x"}
    token = listed(**role)
    assert token.returncode == 3 and "/nonexistent cannot be read" in token.stderr, token


def later(seconds):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def wait_for(is_so, run, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, run.tails()
        time.sleep(0.1)
