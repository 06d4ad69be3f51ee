"""Runs silt's workers as an operator would: a configuration file, a process, signals."""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request

import checker
import stores


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def tail(path, lines=40):
    return "\n".join(path.read_text(errors="replace").splitlines()[-lines:])


class Worker:
    """One silt run process."""

    def __init__(self, binary, config, folder, name, environment):
        self.log = pathlib.Path(folder) / f"{name}.log"
        self.port = free_port()
        command = [str(binary), "run", "--config", str(config)]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**environment, "SILT_METRICS_LISTEN": f"127.0.0.1:{self.port}"},
            )

        self.peak_rss = 0  # bytes, as of the last look

    def running(self):
        return self.process.poll() is None

    def look_at_memory(self):
        """The kernel's own high-water mark, so a look now and then misses nothing but the end."""
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
            for line in status.splitlines():
                if line.startswith("VmHWM:"):
                    self.peak_rss = 1024 * int(line.split()[1])
        return self.peak_rss

    def http(self, path, seconds=5):
        """An answer of its admin port; None while it does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=seconds) as answer:
                return answer.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def status(self):
        text = self.http("/api/v1/status")
        return json.loads(text) if text else None

    def lines(self, event=None):
        """What it logged, as objects."""
        found = []
        for line in self.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                found.append(json.loads(line))
        return [f for f in found if event in (None, f.get("event"))]

    def wait_status(self, wanted, seconds=60):
        """Until wanted(status) is true; returns that status."""
        deadline, status = time.monotonic() + seconds, None
        while True:
            assert self.running(), f"the worker has ended\n{tail(self.log)}"
            status = self.status()
            if status and wanted(status):
                return status
            self.look_at_memory()
            shown = json.dumps(status, indent=1)
            assert time.monotonic() < deadline, f"after {seconds} s: {shown}\n{tail(self.log)}"
            time.sleep(0.1)

    def signal(self, number):
        if self.running():
            self.process.send_signal(number)

    def kill(self):
        """As a machine that loses power; works on a frozen process too."""
        self.signal(signal.SIGKILL)
        self.process.wait(30)

    def terminate(self, seconds=90):
        """SIGTERM: drains and leaves with 0."""
        self.signal(signal.SIGTERM)
        self.await_end(seconds)

    def await_end(self, seconds=90):
        """After one SIGTERM: a second would end it at once."""
        deadline = time.monotonic() + seconds
        while self.running() and time.monotonic() < deadline:
            self.look_at_memory()
            time.sleep(0.02)
        code = self.process.wait(1)
        assert code == 0, f"exit {code} after SIGTERM\n{tail(self.log)}"


class SiltRun:
    """Some workers of one archive: writes their silt.yaml, starts them, waits, stops them."""

    def __init__(self, binary, folder, servers, root, topics, **overrides):
        self.binary, self.folder = pathlib.Path(binary), pathlib.Path(folder)
        self.servers, self.root = servers, root
        self.workers, self.started = [], 0
        self.archive_endpoint = "S3_ENDPOINT"  # where the test itself looks
        self.settings = self._settings(topics, overrides)
        self.config = self.folder / "silt.yaml"
        # JSON is YAML.
        self.config.write_text(json.dumps(self.settings, indent=2), encoding="utf-8")
        self.environment = {
            **os.environ,
            "AWS_ACCESS_KEY_ID": servers.access_key,
            "AWS_SECRET_ACCESS_KEY": servers.secret_key,
        }

    def _settings(self, topics, overrides):
        settings = {
            "kafka": {
                "brokers": self.servers.get("BROKERS"),
                "topics": topics,
                "group": f"silt-{topics[0]}",
                "properties": {"session.timeout.ms": "6000", "heartbeat.interval.ms": "300"},
            },
            "schema": {
                "framing": "confluent",
                "registry": self.servers.get("REGISTRY_URL"),
                "sensor_id_field": "sensor_id",
                "time_field": "ts",
                "on_invalid": "reject",
                "max_reject_ratio": 1,
            },
            "archive": {"root": self.root, "codec": "zstd", "max_age": "2s"},
        }
        if self.root.startswith("s3://"):
            settings["s3"] = {
                "endpoint": self.servers.get("S3_ENDPOINT"),
                "region": "us-east-1",
                "path_style": True,
            }
        for section, values in overrides.items():
            if isinstance(values, dict):
                settings.setdefault(section, {}).update(values)
            else:
                settings[section] = values
        return settings

    def start(self, count=1):
        for _ in range(count):
            self.started += 1
            name = f"worker{self.started}"
            arguments = (self.binary, self.config, self.folder, name, self.environment)
            self.workers.append(Worker(*arguments))
        return self.workers[-1]

    def store(self):
        """The archive, read directly and not through what the workers may have to endure."""
        servers = self.servers
        endpoint = servers.get(self.archive_endpoint) if self.root.startswith("s3://") else None
        return stores.open_store(self.root, endpoint, servers.access_key, servers.secret_key)

    def durable(self, topic, topic_id=None):
        """partition -> next of its newest manifest; of one incarnation of the topic, or of any"""
        store, newest = self.store(), {}
        for key in store.list("_log/"):
            match = checker.SLOT_KEY.fullmatch(key)
            ours = match and match["topic"] == topic and match["file"] is None
            if ours and (topic_id or match["tid"]).startswith(match["tid"]):
                newest[int(match["partition"])] = key  # keys are sorted, the last one wins
        return {p: json.loads(store.get(key)[0])["next"] for p, key in newest.items()}

    def wait_archived(self, ledger, seconds=120):
        """Until every record that must be archived is behind a manifest."""
        wanted = {}
        for partition in range(len(ledger.entries)):
            kinds, _ = ledger.by_offset(partition)
            last = kinds.translate(checker.MUST_BE_SEEN).rfind(1)
            if last >= 0:
                wanted[partition] = last + 1
        deadline = time.monotonic() + seconds
        while True:
            durable = self.durable(ledger.topic, ledger.topic_id)
            behind = {p: (durable.get(p, 0), n) for p, n in wanted.items() if durable.get(p, 0) < n}
            if not behind:
                return
            assert any(w.running() for w in self.workers), "no worker is left\n" + self.tails()
            assert time.monotonic() < deadline, (
                f"not archived after {seconds} s; partition: (durable, wanted) {behind}\n"
                + self.tails()
            )
            time.sleep(0.3)

    def tails(self):
        return "\n".join(f"--- {w.log.name}\n{tail(w.log)}" for w in self.workers[-3:])

    def stop(self):
        """SIGTERM to all that run; each must leave with 0."""
        running = [worker for worker in self.workers if worker.running()]
        for worker in running:
            worker.signal(signal.SIGTERM)
        for worker in running:
            worker.await_end()

    def close(self):
        """Leaves no process behind, whatever the test did."""
        for worker in self.workers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.kill()
