"""Log-in at Amazon MSK by IAM. No broker outside of AWS takes such tokens: this one speaks as much Kafka as it needs
to be given one, which is then compared with what botocore signs."""

import base64
import datetime
import pathlib
import socketserver
import struct
import subprocess
import threading
import time
import urllib.parse
from unittest import mock

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

HERE = pathlib.Path(__file__).resolve().parent
API_VERSIONS, HANDSHAKE, AUTHENTICATE = 18, 17, 36
KEYS = ("ASIAEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "FwoGZ/token+with=signs==")


class Broker(socketserver.BaseRequestHandler):
    """Answers until it has a token, then hangs up."""

    def _read(self, size):
        data = b""
        while len(data) < size:
            more = self.request.recv(size - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def _reply(self, correlation, body):
        self.request.sendall(struct.pack(">ii", 4 + len(body), correlation) + body)

    def handle(self):
        try:
            while True:
                self._answer(self._read(struct.unpack(">i", self._read(4))[0]))
        except (EOFError, ConnectionError):
            return

    def _answer(self, request):
        api, version, correlation, name = struct.unpack_from(">hhih", request)
        body = request[10 + max(name, 0) :]
        if api == API_VERSIONS and version > 0:
            self._reply(correlation, struct.pack(">hi", 35, 0))  # ask again with version 0
        elif api == API_VERSIONS:
            known = [(API_VERSIONS, 0, 0), (HANDSHAKE, 1, 1), (AUTHENTICATE, 0, 0), (3, 0, 1)]
            rows = b"".join(struct.pack(">hhh", *row) for row in known)
            self._reply(correlation, struct.pack(">hi", 0, len(known)) + rows)
        elif api == HANDSHAKE:
            mechanism = body[2:].decode()
            self._reply(correlation, struct.pack(">hih", 0, 1, len(mechanism)) + mechanism.encode())
        else:
            self.server.tokens.append(body[4:].decode())
            raise EOFError


@pytest.fixture(name="broker")
def fixture_broker():
    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Broker)
    server.tokens = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def signature(region, moment):
    """botocore's, of the same call at the same time."""
    url = f"https://kafka.{region}.amazonaws.com/"
    request = botocore.awsrequest.AWSRequest("GET", url, params={"Action": "kafka-cluster:Connect"})
    keys = botocore.credentials.Credentials(*KEYS)
    auth = botocore.auth.SigV4QueryAuth(keys, "kafka-cluster", region, expires=900)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=moment):
        auth.add_auth(request)
    return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(request.url).query))


def check(token, region):
    """The bytes of the first answer to the broker."""
    start, pairs, *_ = token.split("\x01")
    assert start == "n,,"
    assert pairs.startswith("auth=Bearer ")
    token = pairs.removeprefix("auth=Bearer ")
    url = urllib.parse.urlsplit(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode())
    assert url[:3] == ("https", f"kafka.{region}.amazonaws.com", "/")
    query = dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))
    assert query.pop("User-Agent").startswith("silt/")
    moment = datetime.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
    assert query == signature(region, moment.replace(tzinfo=datetime.timezone.utc))
    return token


@pytest.fixture(name="run")
def fixture_run(run_silt, topic, broker, tmp_path):
    kafka = {
        "brokers": f"127.0.0.1:{broker.server_address[1]}",
        "sasl_aws_msk_iam": True,
        "aws_region": "eu-central-1",
        "properties": {"security.protocol": "SASL_PLAINTEXT"},
    }
    schema = {"framing": "none", "files": [str(HERE.parent / "data" / "sensor_reading.v1.avsc")]}
    run = run_silt(f"file://{tmp_path}/archive", [topic], kafka=kafka, schema=schema)
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
    run.environment |= dict(zip(names, KEYS))
    return run


def test_a_worker_brings_the_token_that_botocore_signs(run, broker):
    worker = run.start()
    worker.wait_status(lambda _: broker.tokens)
    worker.kill()
    token = check(broker.tokens[0], "eu-central-1")
    logged = worker.log.read_text(encoding="utf-8")
    assert token not in logged and KEYS[1] not in logged and KEYS[2] not in logged


def test_lag_does_too(run, broker):
    command = [run.binary, "lag", "--config", run.config]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env=run.environment) as lag:
        deadline = time.monotonic() + 30
        while not broker.tokens and lag.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        lag.kill()
    check(broker.tokens[0], "eu-central-1")


def test_doctor_gets_the_credentials_first(run, broker):
    command = [run.binary, "doctor", "--config", run.config, "kafka.brokers"]
    found = subprocess.run(
        command, env=run.environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert found.stdout.index("aws.credentials") < found.stdout.index("kafka.brokers"), found.stdout
    check(broker.tokens[0], "eu-central-1")
