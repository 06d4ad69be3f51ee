#!/usr/bin/env python3
"""Chaos on real processes: workers, brokers and everything around them fail for a while, and then
every record must be in the archive once.

    ./dev chaos [--minutes N] [--seed S] [--kills-a-minute K]

Three brokers, a store behind a fault proxy, PostgreSQL, a CloudWatch and a schema registry behind
links; five topics that are filled all the time and whose ledgers know what Kafka kept; one to six
workers. The seed draws which faults come in which order (see faults.py); four lanes of them run at
once, besides a lane that kills workers in bursts and faults on a share of all S3 requests.

Every --look minutes reader M goes over all manifests. In the end all faults stop, the workers catch
up, and the independent checker reads everything with both readers. build/results/chaos-<time>.json
says what happened; exit 1 when anything is wrong.
"""

import argparse
import contextlib
import os
import pathlib
import random
import secrets
import shutil
import sys
import tempfile
import threading
import time
import traceback
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "integration")]
sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
import botocore.exceptions  # noqa: E402
import confluent_kafka  # noqa: E402

import asking  # noqa: E402
import archive as archives  # noqa: E402
import checker  # noqa: E402
import faults  # noqa: E402
import feeds  # noqa: E402
import ledger as ledgers  # noqa: E402
import report as reports  # noqa: E402
import servers as addresses  # noqa: E402
import silt_run  # noqa: E402
import surroundings  # noqa: E402
import workers  # noqa: E402

# What a fault may meet without anything being wrong with the run: then it did not take effect.
MISHAPS = (
    confluent_kafka.KafkaException,
    asking.Refused,
    botocore.exceptions.BotoCoreError,
    botocore.exceptions.ClientError,
    ProcessLookupError,
    TimeoutError,
)
CRASHES_MAX = 5  # each is reported; more end the run
TRIES = 3  # of a fault in one round
BURST = (5, 14)  # kills, a few tenths of a second apart
CODECS = [(name, False) for name in ledgers.COMPRESSIONS]


class Servers(addresses.Servers):
    """The three brokers are the brokers."""

    def get(self, name):
        return super().get({"BROKERS": "BROKERS3"}.get(name, name))


class Scene:
    """Everything that a fault may lay hands on."""

    workers_max = 6

    def __init__(self, options, folder, dsn):
        self.seed, self.folder = options.seed, folder
        self.deadline = None
        self.ending = threading.Event()
        self.servers = Servers()
        self.expected_gaps, self.truncations, self.expired = [], [], []
        self.cluster = surroundings.Cluster(self.servers.get("BROKERS"))
        self.proxy = surroundings.Proxy(self.servers, faults.S3_FAULTS)
        self.links = self._links(dsn)
        self.names = self.small_disk = None
        if os.environ.get("SILT_CHAOS_MOUNTS") == "1":
            self.names = surroundings.Names(folder)
            self.small_disk = surroundings.SmallDisk(folder)
        else:
            faults.without_mounts()
        faults.IMPOSSIBLE.update({name: "left out by --without" for name in options.without})
        self.prefix = f"chaos-{secrets.token_hex(3)}"
        self.group = self.prefix
        self.feeds = self._feeds(options)
        self._archive(options, dsn)

    def _links(self, dsn):
        loop = surroundings.start_loop()
        targets = {
            "postgres": dsn,
            "cloudwatch": self.servers.get("MOTO_ENDPOINT"),
            "registry": self.servers.get("REGISTRY_URL"),
        }
        links = {}
        for name, url in targets.items():
            parts = urllib.parse.urlsplit(url)
            links[name] = surroundings.Link(loop, parts.hostname, parts.port, self.seed)
        return links

    def _through(self, name, url):
        parts = urllib.parse.urlsplit(url)
        user = f"{parts.username}@" if parts.username else ""
        return parts._replace(netloc=f"{user}127.0.0.1:{self.links[name].port}").geturl()

    def _feeds(self, options):
        """Name -> Feed. Two replicas for the one whose election shall be unclean."""

        def feed(name, partitions, share, lanes, layout=None):
            given = ["--brokers", self.servers.get("BROKERS"), "--registry", self.servers.get("REGISTRY_URL")]
            given += ["--topic", f"{self.prefix}.{name}", "--records", str(1 << 30), "--pool", "2000"]
            given += ["--partitions", str(partitions), "--seed", str(self.seed % (1 << 31))]
            given += ["--rate", str(max(10, options.rate * share // 100)), "--hours", "2"]
            return feeds.Feed(ledgers.parse(given), lanes, layout)

        unclean = {
            "replica_assignment": [[1, 2]],
            "config": {"unclean.leader.election.enable": "true", "min.insync.replicas": "1"},
        }
        return {
            "main": feed("main", 6, 72, [*CODECS, ("lz4", True), ("zstd", True)]),
            "unclean": feed("unclean", 1, 5, CODECS[-1:], unclean),
            "overrun": feed("overrun", 2, 7, CODECS[:2]),
            "again": feed("again", 2, 7, CODECS[2:4]),
            "grow": feed("grow", 1, 9, [CODECS[4], ("gzip", True)]),
        }

    def _archive(self, options, dsn):
        bucket = self.prefix
        self.servers.s3().create_bucket(Bucket=bucket)
        self.root = f"s3://{bucket}/archive"
        host = surroundings.HOST if self.names else "127.0.0.1"
        run = silt_run.SiltRun(
            os.environ.get("SILT_BIN", addresses.CHECKOUT / "build/release/silt"),
            self.folder,
            self.servers,
            self.root,
            [f"^{self.prefix}\\..*"],
            kafka={
                "group": self.group,
                "properties": {
                    "session.timeout.ms": "2500",
                    "heartbeat.interval.ms": "300",
                    "topic.metadata.refresh.interval.ms": "2000",
                },
            },
            schema={"registry": self._through("registry", self.servers.get("REGISTRY_URL"))},
            archive={"max_age": "3s", "gc_interval": "15s"},
            s3={"endpoint": f"http://{host}:{self.proxy.port}", "allow_plaintext": True},
            metrics={
                "postgres": self._through("postgres", dsn),
                "interval": "5s",
                "cloudwatch": True,
                "cloudwatch_region": "us-east-1",
                "cloudwatch_endpoint": self._through("cloudwatch", self.servers.get("MOTO_ENDPOINT")),
            },
            worker={"grace": "15s", "revoke": "5s"},
            memory="64MiB",
        )
        self.pool = workers.Pool(run, self.small_disk and self.small_disk.folder)
        self.archive = archives.Archive(run.store())

    # --- time ------------------------------------------------------------------------------------

    def over(self):
        return self.ending.is_set() or time.monotonic() > self.deadline

    def rest(self, seconds):
        """Not longer than the run lasts."""
        self.ending.wait(max(0.0, min(seconds, self.deadline - time.monotonic())))

    # --- the end ---------------------------------------------------------------------------------

    def calm(self):
        """No fault is left anywhere."""
        for link in self.links.values():
            link.set("good")
        self.proxy.calm()
        if self.names:
            self.names.set(True)
            self.small_disk.free()
        self.pool.calm()
        self.pool.scale(3)

    def close(self):
        self.pool.close()
        if self.small_disk:
            self.small_disk.close()

    def ledgers(self):
        """Of every incarnation; what died with a topic before it was archived is nobody's loss."""
        for feed in self.feeds.values():
            for ledger, waited in feed.earlier:
                if not waited:
                    tails = self.archive.tails(ledger.topic, ledger.topic_id)
                    for partition in range(len(ledger.entries)):
                        ledger.forget(partition, tails.get(partition, 0), checker.END_OF_TIME)
                yield ledger
            yield feed.ledger


class Conductor:
    """The lanes, the looks in between, the end."""

    def __init__(self, scene, report, options):
        self.scene, self.report, self.options = scene, report, options
        self.errors, self.ledgers = [], []
        self.looks = 0

    def guarded(self, play):
        """A thread whose own error ends the run."""

        def run():
            try:
                play()
            except Exception as error:  # reported with the verdict
                traceback.print_exc()
                self.errors.append(f"{type(error).__name__}: {error}")
                self.scene.ending.set()

        return threading.Thread(target=run, daemon=True)

    def play(self):
        scene = self.scene
        for feed in scene.feeds.values():
            feed.start()
        scene.pool.start()
        scene.deadline = time.monotonic() + 60
        for feed in scene.feeds.values():
            scene.cluster.await_("first slots", lambda f=feed: scene.archive.tails(f.topic, f.ledger.topic_id), 240)
        self.report.line("every topic has its first slots; faults begin")
        scene.deadline = time.monotonic() + 60 * self.options.minutes
        lanes = [self.guarded(lambda name=name: self.lane(name)) for name in faults.LANES]
        lanes += [self.guarded(self.kills), self.guarded(self.watch)]
        for thread in lanes:
            thread.start()
        for thread in lanes:
            thread.join()
        scene.ending.set()
        self.count_kills()

    def lane(self, name):
        """Rounds of all the lane's faults, so that each comes equally often; what came to nothing is tried again."""
        scene, rng = self.scene, random.Random(f"{self.options.seed}/{name}")
        breath = faults.BREATH.get(name, 1)
        while not scene.over():
            due = faults.possible(name)
            for _ in range(TRIES):
                rng.shuffle(due)
                due = [fault for fault in due if not scene.over() and not self.strike(fault, rng, breath)]

    def strike(self, fault, rng, breath):
        """Whether it took effect."""
        try:
            effect, what = fault(self.scene, rng)
        except MISHAPS as mishap:
            effect, what = False, f"refused: {mishap}"
        self.report.count(fault.fault, int(effect))
        self.report.line(f"{fault.fault}: {what}" + ("" if effect else " (no effect)"))
        self.scene.rest(rng.uniform(0.1, breath))
        return effect

    def kills(self):
        """Bursts: what is killed while it starts, joins or recovers is the interesting case."""
        scene, rng = self.scene, random.Random(f"{self.options.seed}/kills")
        while not scene.over():
            count, started = rng.randint(*BURST), time.monotonic()
            for _ in range(count):
                if victims := scene.pool.alive(min_age=rng.choice([0, 0.5, 3])) or scene.pool.alive():
                    scene.pool.kill(rng.choice(victims))
                scene.rest(rng.uniform(0.05, 0.6))
            spent = time.monotonic() - started
            scene.rest(max(1, 60 * count / self.options.kills_a_minute - spent))

    def count_kills(self):
        self.report.count("SIGKILL", self.scene.pool.killed, self.scene.pool.killed)

    def watch(self):
        """Looks for what is wrong while its cause is near."""
        scene, next_look = self.scene, time.monotonic() + 60 * self.options.look
        while not scene.over():
            scene.rest(1)
            scene.pool.look_at_memory()
            for feed in scene.feeds.values():
                feed.check()
            if scene.pool.error:
                raise scene.pool.error
            if len(scene.pool.crashes) > CRASHES_MAX:
                raise RuntimeError("one worker after the other crashes")
            if time.monotonic() > next_look:
                self.look()
                next_look = time.monotonic() + 60 * self.options.look

    def look(self):
        found = self.scene.archive.look()
        self.looks += 1
        numbers = found.numbers
        self.report.line(
            f"reader M: {numbers['manifests']} manifests, {numbers['gaps']} offsets in gaps, "
            f"{numbers['lineages']} lineage slots, {len(found.faults)} faults"
        )
        self.scene.proxy.harvest()
        forget_metrics(self.scene.servers.get("MOTO_ENDPOINT"))
        if found.faults:
            raise RuntimeError("reader M: " + "; ".join(found.faults[:5]))

    # --- the end ---------------------------------------------------------------------------------

    def finish(self):
        """All faults off, everything archived, workers stopped. What went wrong, as texts."""
        scene, wrong = self.scene, list(self.errors)
        scene.proxy.harvest()
        scene.calm()
        scene.cluster.start()
        scene.cluster.await_whole()
        for feed in scene.feeds.values():
            feed.finish()
        self.report.line("faults are over; the workers catch up")
        started = time.monotonic()
        present = [feed.ledger for feed in scene.feeds.values()]
        for ledger in present:
            left = max(5.0, self.options.patience - (time.monotonic() - started))
            if not scene.archive.await_archived(ledger, left):
                behind = scene.archive.behind(ledger)
                wrong.append(f"{ledger.topic}: not archived (archived, wanted) {behind}")
                self.autopsy()
        self.report.body["seconds_to_catch_up"] = round(time.monotonic() - started, 1)
        deadline = time.monotonic() + 60
        while scene.archive.leftovers() and time.monotonic() < deadline:
            time.sleep(2)  # the collector comes round
        scene.pool.stop()
        wrong += [f"did not leave with 0: {text}" for text in scene.pool.refused_to_stop]
        return wrong + scene.pool.crashes

    def autopsy(self):
        """What the workers that do not get on say about it, and their logs."""
        for worker in self.scene.pool.alive():
            name = self.scene.folder / worker.log.stem
            name.with_suffix(".status").write_text(str(worker.http("/api/v1/status")), encoding="utf-8")
            shutil.copy(worker.log, name.with_suffix(".seen"))

    def judge(self, wrong):
        scene = self.scene
        self.ledgers = found_ledgers = list(scene.ledgers())
        self.report.line("the checker reads everything")
        keys = (scene.servers.access_key, scene.servers.secret_key)
        found = checker.check(scene.root, found_ledgers, scene.servers.get("S3_ENDPOINT"), *keys)
        scene.archive.look()
        wrong += found.faults[:50]
        gaps, expected = scene.archive.gaps(), sorted(scene.expected_gaps)
        wrong += [f"no gap slot for {gap}" for gap in set(expected) - set(gaps)]
        wrong += [f"a gap slot that nothing explains: {gap}" for gap in set(gaps) - set(expected)]
        if found.numbers["repaired"] < len(set(scene.expired)):
            wrong.append(f"{found.numbers['repaired']} files repaired, {len(set(scene.expired))} uploads expired")
        self.report.body |= {
            "records_produced": sum(feed.number for feed in scene.feeds.values()),
            "gap_slots": len(gaps),
            "producers_given_up": sum(feed.failures for feed in scene.feeds.values()),
            "truncations": len(scene.truncations),
            "ledgers": len(found_ledgers),
            **{k: v for k, v in found.summary().items() if k not in ("verdict", "faults", "first_faults", "reasons")},
        }
        return wrong

    def tell(self, wrong):
        pool, proxy, body = self.scene.pool, self.scene.proxy, self.report.body
        for rule in faults.S3_FAULTS:
            self.report.count(rule["name"], proxy.fired[rule["name"]], proxy.fired[rule["name"]])
        for name, reason in faults.IMPOSSIBLE.items():
            self.report.count(name, 0, 0)
            self.report.line(f"skipped: {name}: {reason}")
        body |= {
            "minutes_in_all": round(self.report.minutes(), 1),
            "looks_of_reader_m": self.looks,
            "s3_requests": proxy.requests,
            "workers_started": pool.started,
            "peak_rss_mib": round(pool.peak_rss / (1 << 20), 1),
            "workers_that_ended_by_themselves": sum(pool.codes.values()),
            "why_they_ended": dict(pool.last_words.most_common(12)),
            "events": dict(pool.events.most_common()),
            "left_out": faults.IMPOSSIBLE,
            "wrong": wrong,
        }


def forget_metrics(endpoint):
    """moto keeps every datum in memory for ever."""
    request = urllib.request.Request(f"{endpoint}/moto-api/reset", method="POST")
    with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=10):
        pass


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--minutes", type=float, default=2.5, help="how long faults last")
    parser.add_argument("--seed", type=int, default=secrets.randbits(32))
    parser.add_argument("--kills-a-minute", type=float, default=20)
    parser.add_argument("--rate", type=int, default=400, help="records a second, all topics")
    parser.add_argument("--look", type=float, default=1, help="minutes between looks of reader M")
    parser.add_argument("--patience", type=float, default=300, help="seconds to catch up in")
    parser.add_argument("--kills-min", type=int, default=1, help="fewer are a failure")
    parser.add_argument("--each-min", type=int, default=0, help="of every fault; fewer are a failure")
    parser.add_argument("--without", action="append", default=[], metavar="FAULT", help="leave it out")
    return parser.parse_args()


def short_of(report, options):
    """Faults that came to less than was asked for: such a run proves less than it says."""
    took = {name: report.faults.get(name, (0, 0))[1] for name in faults.names() if name not in faults.IMPOSSIBLE}
    if silent := [name for name, effects in took.items() if not effects]:
        report.line("never took effect: " + ", ".join(silent))
    wanted = dict.fromkeys(took, options.each_min) | {"SIGKILL": options.kills_min}
    return [f"{name}: {took[name]} times, wanted {least}" for name, least in wanted.items() if took[name] < least]


def run(options, folder, dsn):
    report = reports.Report(options.seed, options.minutes)
    scene = Scene(options, folder, dsn)
    conductor = Conductor(scene, report, options)
    try:
        conductor.play()
        wrong = conductor.judge(conductor.finish())
        if wrong:
            for number, ledger in enumerate(conductor.ledgers):
                ledger.save(folder / f"ledger{number}")
        conductor.tell(wrong)
        wrong += short_of(report, options)
        report.body["verdict"] = "faulty" if wrong else "clean"
    finally:
        scene.close()
    path = report.write(addresses.CHECKOUT / "build/results")
    report.show()
    print(f"\nseed {options.seed}: {report.body['verdict']}; {path}")
    return wrong


def main():
    options = parse()
    print(f"seed {options.seed}, {options.minutes} minutes", flush=True)
    addresses.load_environment()
    folder = pathlib.Path(tempfile.mkdtemp(prefix="silt-chaos-"))
    with Servers().database() as dsn:
        wrong = run(options, folder, dsn)
    if wrong:
        print(f"logs and ledgers: {folder}")
        return 1
    shutil.rmtree(folder, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
