"""Workers that die and freeze at random, a consumer group that loses its offsets, answers of S3
that get lost: the archive must still hold every record once.

SILT_KILLS (20) disturbances, SILT_CHAOS_WORKERS (3), SILT_CHAOS_RATE (4000 records a second) and
SILT_CHAOS_SEED choose the run; the seed is printed, and with it the same disturbances come again.
"""

import os
import random
import signal
import threading
import time

import confluent_kafka
from confluent_kafka import admin

import ledger as ledgers

KILLS = int(os.environ.get("SILT_KILLS", "20"))
WORKERS = int(os.environ.get("SILT_CHAOS_WORKERS", "3"))
COLLECT_EVERY = "2s"
RATE = int(os.environ.get("SILT_CHAOS_RATE", "4000"))

LOST_ANSWERS = [
    # The commit itself: applied, but the worker never hears of it.
    {"op": "PutObject", "path": "/_log/", "prob": 0.10, "lost_response": "rst"},
    {"op": "PutObject", "path": "/_log/", "prob": 0.03, "status": 503},
    {"op": "PutObject", "path": "/_log/", "prob": 0.03, "status_after": 500},
    {"op": "UploadPart", "prob": 0.05, "lost_response": "rst"},
    {"op": "UploadPart", "prob": 0.03, "reset_body": 2000},
    {"op": "CreateMultipartUpload", "prob": 0.03, "lost_response": "fin"},
    {"op": "CompleteMultipartUpload", "prob": 0.15, "lost_response": "rst"},
    {"op": "CompleteMultipartUpload", "prob": 0.05, "embed_error": "InternalError"},
    {"op": "CompleteMultipartUpload", "prob": 0.03, "status": 409},
    {"op": "GetObject", "path": "/_log/", "prob": 0.03, "truncate_response": 100},
    {"op": "ListObjects", "prob": 0.02, "latency_ms": 800},
]


class Filler:
    """Produces in a thread of its own until told to stop."""

    def __init__(self, options):
        self.enough, self.ledger, self.error = threading.Event(), None, None
        self.thread = threading.Thread(target=self._run, args=(options,), daemon=True)
        self.thread.start()

    def _run(self, options):
        try:
            self.ledger = ledgers.fill(options, stop=self.enough.is_set)
        except Exception as error:  # handed to the test's own thread
            self.error = error

    def finish(self):
        self.enough.set()
        self.thread.join(300)
        assert not self.thread.is_alive(), "the producer does not come to an end"
        if self.error:
            raise self.error
        return self.ledger


class Group:
    """The consumer group's offsets, seen and spoilt by an operator's tools."""

    def __init__(self, brokers, name, topic):
        self.client = admin.AdminClient({"bootstrap.servers": brokers})
        self.name, self.topic = name, topic
        self.spoilt = 0

    def _partitions(self, offset):
        found = self.client.list_topics(self.topic, timeout=10).topics[self.topic].partitions
        return [confluent_kafka.TopicPartition(self.topic, p, offset) for p in found]

    def spoil(self, rng):
        """Deletes the group or sets its offsets; both need a group without members."""
        if rng.random() < 0.5:
            futures = self.client.delete_consumer_groups([self.name])
            what = "group deleted"
        else:
            offset = rng.choice([0, 1, 500])
            wanted = confluent_kafka.ConsumerGroupTopicPartitions(
                self.name, self._partitions(offset)
            )
            futures = self.client.alter_consumer_group_offsets([wanted])
            what = f"offsets set to {offset}"
        try:
            for future in futures.values():
                future.result(15)
        except confluent_kafka.KafkaException as error:
            return what + f" (refused: {error.args[0].str()})"
        self.spoilt += 1
        return what

    def spoil_when_empty(self, rng, seconds=20):
        """Killed members count until their session runs out; then the broker lets an operator do it."""
        deadline = time.monotonic() + seconds
        while True:
            what = self.spoil(rng)
            if "refused" not in what or time.monotonic() > deadline:
                return what
            time.sleep(0.5)


class Chaos:
    """The disturbances."""

    def __init__(self, run, group, rng):
        self.run, self.group, self.rng = run, group, rng
        self.frozen = []  # (worker, when it wakes)

    def alive(self):
        frozen = {id(worker) for worker, _ in self.frozen}
        return [w for w in self.run.workers if w.running() and id(w) not in frozen]

    def replenish(self):
        """A worker that left by itself is looked at in the end (see crashed)."""
        while len(self.alive()) < WORKERS:
            self.run.start()

    def crashed(self):
        """Workers ended by a signal that was not ours: a fault in memory, an assertion."""
        ours = (None, -signal.SIGKILL)
        codes = {w.log.stem: w.process.poll() for w in self.run.workers}
        return {name: code for name, code in codes.items() if code not in ours and code < 0}

    def wake(self, everybody=False):
        due = [f for f in self.frozen if everybody or f[1] <= time.monotonic()]
        for item in due:
            item[0].signal(signal.SIGCONT)
            self.frozen.remove(item)

    def disturb(self):
        self.wake()
        dice = self.rng.random()
        if dice < 0.15:
            return self._blackout()
        victim = self.rng.choice(self.alive())
        if dice < 0.40:
            seconds = self.rng.uniform(1, 12)  # on both sides of the session timeout
            victim.signal(signal.SIGSTOP)
            self.frozen.append((victim, time.monotonic() + seconds))
            return f"{victim.log.stem} frozen for {seconds:.1f} s"
        victim.kill()
        return f"{victim.log.stem} killed"

    def _blackout(self):
        for worker in self.run.workers:
            if worker.running():
                worker.kill()
        self.frozen.clear()
        return "all killed, " + self.group.spoil_when_empty(self.rng)


def test_kills_freezes_and_lost_answers_lose_nothing(
    run_silt, ledger_options, bucket, topic, brokers, proxy, assert_clean
):
    seed = int(os.environ.get("SILT_CHAOS_SEED", random.randrange(1 << 32)))
    print(f"SILT_CHAOS_SEED={seed} SILT_KILLS={KILLS}")
    rng = random.Random(seed)
    root = f"s3://{bucket}/archive"
    archive = {"max_age": "1s", "gc_interval": COLLECT_EVERY}
    run = run_silt(root, [topic], s3={"endpoint": proxy.endpoint}, archive=archive)
    filler = Filler(ledger_options(records=1 << 30, partitions=6, rate=RATE, hours=2))
    chaos = Chaos(run, Group(brokers, run.settings["kafka"]["group"], topic), rng)
    proxy.rules(LOST_ANSWERS)
    for number in range(KILLS):
        chaos.replenish()
        time.sleep(rng.uniform(0.1, 3))
        print(f"{number + 1}/{KILLS} {chaos.disturb()}")
    ledger = filler.finish()
    fired = proxy.state()["counters"]["fired"]
    proxy.rules([])
    chaos.wake(everybody=True)
    chaos.replenish()
    run.wait_archived(ledger, seconds=300, keep_alive=chaos.replenish)
    time.sleep(6)  # the collector comes round once more behind the last slot
    run.stop()
    assert not chaos.crashed(), f"crashed: {chaos.crashed()}\n{run.tails()}"
    print(f"{fired} faults between the workers and S3")
    print(f"{chaos.group.spoilt} times the group's offsets were reset or deleted")
    assert KILLS < 20 or chaos.group.spoilt, "no reset of the group took effect"
    assert_clean(root, ledger)
