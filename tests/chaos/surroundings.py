"""What a worker lives among, with handles to spoil it: brokers, the store's proxy, links to the
other servers, names of hosts, a small disk. Everything is undone by its own method.
"""

import asyncio
import collections
import json
import os
import pathlib
import random
import signal
import subprocess
import threading
import time
import urllib.request

import confluent_kafka
from confluent_kafka import admin

import asking
import servers as addresses

TOOLS = addresses.CHECKOUT / "tests/servers"
STATE = pathlib.Path(os.environ.get("SILT_SERVERS_STATE", addresses.CHECKOUT / "build/servers"))
NODES = (1, 2, 3)
HOST = "store.silt.internal"


class Cluster:
    """The three brokers."""

    def __init__(self, brokers):
        self.brokers = brokers
        self.client = admin.AdminClient({"bootstrap.servers": brokers, **asking.QUIET})

    def ask(self, function, *arguments):
        return asking.ask(self.brokers, function, *arguments)

    @staticmethod
    def pid(node):
        return int((STATE / f"kafka3/node{node}/pid").read_text(encoding="ascii").split()[0])

    def kill(self, node):
        subprocess.run([TOOLS / "down", "--kill", str(node)], check=True, capture_output=True)

    def freeze(self, node):
        os.kill(self.pid(node), signal.SIGSTOP)

    def wake(self, node):
        os.kill(self.pid(node), signal.SIGCONT)

    def start(self):
        """Brings back who is down; a machine under load may need more than one try."""
        for tries in range(4):
            done = subprocess.run([TOOLS / "up", "kafka3"], check=False, capture_output=True)
            if done.returncode == 0:
                return
        raise RuntimeError(f"a broker does not start, {tries + 1} tries: {done.stderr.decode()[-500:]}")

    def topics(self):
        return self.client.list_topics(timeout=4).topics  # not long: a frozen broker may be asked

    def partition(self, topic, partition=0):
        return self.topics()[topic].partitions[partition]

    def await_(self, what, condition, seconds=90):
        """Until condition() holds; an answer that does not come in time is no answer."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                if condition():
                    return
            except (confluent_kafka.KafkaException, asking.Refused, KeyError):
                pass
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what}: not within {seconds} s")
            time.sleep(0.3)

    def await_whole(self):
        """All replicas of all partitions are in sync, and know it."""
        self.await_("all replicas in sync", self._is_whole, 180)

    def _is_whole(self):
        found = self.client.list_topics(timeout=10)
        return len(found.brokers) == len(NODES) and all(
            p.leader >= 0 and sorted(p.isrs) == sorted(p.replicas)
            for topic in found.topics.values()
            for p in topic.partitions.values()
        )

    def coordinator(self, group):
        return self.ask(asking.group_state, group)[0]

    def members(self, group):
        return self.ask(asking.group_state, group)[1]

    def misled(self):
        """Partitions that another replica leads than the preferred one."""
        return [
            (name, number)
            for name, topic in self.topics().items()
            for number, p in topic.partitions.items()
            if p.leader != p.replicas[0]
        ]


class Proxy:
    """The fault proxy before the store: what is always on, and what a fault adds for a while."""

    def __init__(self, servers, always):
        self.admin = servers.get("PROXY_ADMIN")
        self.port = int(servers.get("PROXY_ENDPOINT").rsplit(":", 1)[1])
        self.always, self.extra = always, []
        self.fired, self.requests = collections.Counter(), 0
        self.lock = threading.Lock()

    def _call(self, data=None):
        request = urllib.request.Request(f"{self.admin}/rules", data=data)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def harvest(self):
        """Counts what fired; setting the rules anew forgets it."""
        with self.lock:
            state = self._call()
            for rule in state["rules"]:
                self.fired[rule.get("name", "of somebody else")] += rule.get("fired", 0)
            self.requests = state["counters"]["requests"]
            self._call(json.dumps(self.extra + self.always).encode())

    def add(self, *rules):
        self.extra = list(rules) + self.extra
        self.harvest()

    def remove(self, *rules):
        self.extra = [rule for rule in self.extra if rule not in rules]
        self.harvest()

    def calm(self):
        self.always, self.extra = [], []
        self.harvest()


class Link:
    """A TCP port that leads to a server, well or badly."""

    def __init__(self, loop, host, port, seed):
        self.target, self.mode, self.touched = (host, port), "good", 0
        self.rng = random.Random(f"{seed}/{port}")
        self.open = set()
        starting = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", 0), loop
        )
        self.port = starting.result(10).sockets[0].getsockname()[1]
        self.loop = loop

    def set(self, mode):
        """good, down (reset at once, and what is open is cut), slow, mute (never an answer)"""
        self.mode = mode
        if mode == "down":
            self.loop.call_soon_threadsafe(self._cut)

    def _cut(self):
        self.touched += len(self.open)
        for writer in self.open:
            writer.transport.abort()

    async def _serve(self, reader, writer):
        if self.mode == "down":
            self.touched += 1
            writer.transport.abort()
            return
        self.open.add(writer)
        try:
            back = await asyncio.open_connection(*self.target)
            await asyncio.gather(self._copy(reader, back[1]), self._copy(back[0], writer))
        except OSError:
            pass
        finally:
            self.open.discard(writer)
            writer.close()

    async def _copy(self, reader, writer):
        try:
            while data := await reader.read(65536):
                if self.mode in ("slow", "mute"):
                    self.touched += 1
                while self.mode == "mute":
                    await asyncio.sleep(0.2)
                if self.mode == "slow":
                    await asyncio.sleep(self.rng.uniform(0.5, 2))
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()


def start_loop():
    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # a connection that was cut is no news here
    threading.Thread(target=loop.run_forever, daemon=True, name="links").start()
    return loop


class Names:
    """The hosts file of a mount namespace of our own, and a resolver that nobody answers for."""

    def __init__(self, folder):
        self.hosts, resolver = folder / "hosts", folder / "resolv.conf"
        self.set(True)
        resolver.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n", encoding="ascii")
        for ours, place in ((self.hosts, "/etc/hosts"), (resolver, "/etc/resolv.conf")):
            subprocess.run(["mount", "--bind", ours, place], check=True)

    def set(self, known):
        """Written in place: the mount shows this very file."""
        name = f" {HOST}" if known else ""
        self.hosts.write_text(f"127.0.0.1 localhost{name}\n", encoding="ascii")


class SmallDisk:
    """A file system of 4 MiB that can be filled to the last byte."""

    def __init__(self, folder):
        self.folder = folder / "small"
        self.folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", self.folder]
        subprocess.run(command, check=True)

    def fill(self):
        """True once nothing more goes in."""
        with open(self.folder / "ballast", "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return True

    def free(self):
        (self.folder / "ballast").unlink(missing_ok=True)

    def close(self):
        subprocess.run(["umount", "--lazy", self.folder], check=True)
