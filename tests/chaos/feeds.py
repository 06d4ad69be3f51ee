"""Topics that are filled for as long as a run lasts, each with the ledger of what Kafka keeps.

A Feed is a thread with its producers. hold() brings it to rest: everything acknowledged, every
transaction decided; then the topic may be changed and the ledger told what that meant.
"""

import contextlib
import threading
import time

import confluent_kafka
from confluent_kafka import admin

import asking
import ledger as ledgers
import records
import sensors

PATIENCE = 60  # seconds without progress; a producer that is stuck longer is given up
SCHEMAS = ("sensor_reading.v1", "sensor_reading.v2")
TURNS_A_SECOND = 10
FAILURES_MAX = 100


class SteadyLane(ledgers.Lane):
    """A producer that outlives the death of brokers and coordinators."""

    def __init__(self, ledger, unknown, brokers, compression, transactional_id=None):
        self.unknown = unknown
        patient = {"message.timeout.ms": PATIENCE * 1000, "topic.metadata.refresh.interval.ms": 2000}
        patient |= asking.QUIET
        if transactional_id:
            patient["transaction.timeout.ms"] = PATIENCE * 1000
        super().__init__(ledger, brokers, compression, transactional_id, patient)

    def send(self, topic, partition, key, value, headers, timestamp, kind):
        self.unknown[records.record_hash(key, value, headers, timestamp)] = kind
        super().send(topic, partition, key, value, headers, timestamp, kind)

    def _delivered(self, record_hash, kind, error, message):
        if error is None and message.offset() >= 0:
            super()._delivered(record_hash, kind, error, message)
            if not self.transactional:
                self.unknown.pop(record_hash, None)

    def _finish_transaction(self):
        if left := self.producer.flush(PATIENCE):
            raise RuntimeError(f"{left} records of a transaction were not acknowledged")
        self.transactions += 1
        aborted = self.transactions % self.ABORT_EVERY == 0
        if not aborted:
            aborted = not self._decide(self.producer.commit_transaction)
        if aborted:
            self._decide(self.producer.abort_transaction)
        for partition, offset, record_hash, kind in self.pending:
            self.unknown.pop(record_hash, None)
            self.ledger.add(partition, offset, record_hash, records.ABORTED if aborted else kind)
        self.pending.clear()

    @staticmethod
    def _decide(how):
        """False when Kafka wants the transaction aborted; whatever may pass is tried again."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                how(30)
                return True
            except confluent_kafka.KafkaException as failure:
                error = failure.args[0]
                if error.txn_requires_abort():
                    return False
                if not error.retriable() or time.monotonic() > deadline:
                    raise


class Mix(ledgers.Mix):
    """A topic's records; the last partitions of a long row get them all, so that rows may grow."""

    BUSY = 6

    def partition(self, sensor, partitions):
        return partitions - 1 - sensor % min(partitions, self.BUSY)


class Feed(threading.Thread):
    """One topic. `lanes`: (compression, whether transactional)."""

    def __init__(self, options, lanes, layout=None):
        super().__init__(daemon=True, name=f"feed {options.topic}")
        self.options, self.lane_kinds = options, lanes
        self.client = admin.AdminClient({"bootstrap.servers": options.brokers, **asking.QUIET})
        self.layout = layout or {}  # further arguments of NewTopic
        self.earlier = []  # ledgers of incarnations that were deleted
        self.error = self.ledger = None
        self.unknown = {}  # hash -> kind of what was sent and never acknowledged; see reconcile()
        self.failures = 0
        self.number = 0
        self.wish, self.ending = threading.Event(), threading.Event()
        self.quiet = threading.Lock()  # held by the thread while it sends, by hold() to keep it out
        self.partitions = options.partitions
        texts = map(sensors.load_schema, SCHEMAS)
        self.schemas = {ledgers.identify(options, text): text for text in texts}
        self.mix = Mix(options, self.schemas)
        self.create()

    @property
    def topic(self):
        return self.options.topic

    def create(self):
        """A new incarnation of the topic, with a new ledger."""
        config = {"min.insync.replicas": "2"} | self.layout.get("config", {})
        self.insist(asking.create_topic, self.options.partitions, self.layout | {"config": config})
        self.partitions = self.options.partitions
        self.await_partitions()
        before = self.ledger and self.ledger.topic_id
        while (topic_id := self.insist(asking.topic_id)) == before:
            time.sleep(0.3)  # a broker that was away still tells of the old one
        self.ledger = ledgers.Ledger(self.topic, self.partitions, self.schemas, topic_id)

    def ask(self, function, *arguments):
        return asking.ask(self.options.brokers, function, self.topic, *arguments)

    def insist(self, function, *arguments):
        """For what may be done twice; not while a broker is away."""
        deadline = time.monotonic() + 3 * PATIENCE
        while True:
            try:
                return self.ask(function, *arguments)
            except asking.Refused:
                if time.monotonic() > deadline:
                    raise
                time.sleep(2)

    def await_partitions(self):
        """Until every partition has a leader that brokers tell of."""
        deadline = time.monotonic() + 3 * PATIENCE
        while not self._has_leaders():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self.topic} does not get its {self.partitions} partitions")
            time.sleep(0.3)

    def _has_leaders(self):
        try:
            found = self.client.list_topics(timeout=10).topics.get(self.topic)
        except confluent_kafka.KafkaException:
            return False
        return found and len(found.partitions) == self.partitions and all(
            p.leader >= 0 for p in found.partitions.values()
        )

    # --- the thread ------------------------------------------------------------------------------

    def run(self):
        try:
            while not self.ending.is_set():
                if not self.wish.is_set():
                    with self.quiet:
                        self._fill_or_fail()
                time.sleep(0.02)
        except Exception as error:  # the conductor looks at it
            self.error = error

    def _fill_or_fail(self):
        """A producer that Kafka drove to a fatal error is given up; the next ones go on."""
        try:
            self._fill()
        except (confluent_kafka.KafkaException, RuntimeError, SystemError):
            self.failures += 1
            if self.failures > FAILURES_MAX:
                raise

    def _fill(self):
        """Until somebody wishes rest. Producers are made anew: they remember what a topic was."""
        with self._lanes() as lanes:
            turn, started, number = 0, time.monotonic(), self.number
            while not self.wish.is_set() and not self.ending.is_set():
                self._send(lanes[turn % len(lanes)], max(1, self.options.rate // TURNS_A_SECOND))
                turn += 1
                due = started + (self.number - number) / self.options.rate
                time.sleep(max(0.01, min(1, due - time.monotonic())))

    @contextlib.contextmanager
    def _lanes(self):
        lanes = []
        for n, (compression, transactional) in enumerate(self.lane_kinds):
            # The name stays: a transaction that was left open ends when its successor comes.
            name = f"{self.topic}-{n}" if transactional else None
            lanes.append(SteadyLane(self.ledger, self.unknown, self.options.brokers, compression, name))
        yield lanes
        for lane in lanes:
            lane.close()

    def _send(self, lane, count):
        lane.begin_run()
        for _ in range(count):
            sensor, key, value, headers, timestamp, kind = self.mix.record(self.number)
            partition = self.mix.partition(sensor, self.partitions)
            lane.send(self.topic, partition, key, value, headers, timestamp, kind)
            self.number += 1
        lane.end_run()

    # --- for the faults --------------------------------------------------------------------------

    @contextlib.contextmanager
    def hold(self):
        """Everything that was sent is acknowledged, and nothing more is sent inside."""
        self.wish.set()
        if not self.quiet.acquire(timeout=3 * PATIENCE):
            raise TimeoutError(f"the feed of {self.topic} does not come to rest")
        try:
            self.check()
            yield self
        finally:
            self.wish.clear()
            self.quiet.release()

    def burst(self, count, step=50):
        """Sends and has acknowledged `count` records, in small batches; only while held."""
        with self._lanes() as lanes:
            for turn in range(count // step):
                self._send(lanes[turn % len(lanes)], step)
                lanes[turn % len(lanes)].producer.flush(PATIENCE)

    def check(self):
        if self.error:
            raise RuntimeError(f"the feed of {self.topic} failed") from self.error

    def reconcile(self):
        """Whatever Kafka holds though it never said so, it holds: the ledger is told. While held.

        What is not there may still come: a broker that stood still appends what waits in its socket,
        long after the producer was given up. So an unknown stays one until it is found.
        """
        if not self.unknown:
            return
        settings = {"bootstrap.servers": self.options.brokers, "group.id": "nobody", **asking.QUIET}
        settings |= {"isolation.level": "read_committed", "enable.partition.eof": True}
        with contextlib.closing(confluent_kafka.Consumer(settings)) as consumer:
            for partition in range(self.partitions):
                known = self.ledger.offsets(partition)
                for message in self._read(consumer, partition):
                    found = records.record_hash(
                        message.key(), message.value(), message.headers(), message.timestamp()[1]
                    )
                    if message.offset() not in known and found in self.unknown:
                        self.ledger.add(partition, message.offset(), found, self.unknown.pop(found))

    def _read(self, consumer, partition):
        consumer.assign([confluent_kafka.TopicPartition(self.topic, partition, confluent_kafka.OFFSET_BEGINNING)])
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for message in consumer.consume(10_000, 1):
                if message.error() is None:
                    yield message
                elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    return
        raise TimeoutError(f"{self.topic}/{partition} cannot be read back")

    def finish(self):
        self.ending.set()
        self.join(3 * PATIENCE)
        if self.is_alive():
            raise TimeoutError(f"the feed of {self.topic} does not come to an end")
        self.check()
        self.reconcile()

    def ends(self):
        """partition -> the offset behind the last record; asks again while leaders change"""
        settings = {"bootstrap.servers": self.options.brokers, "group.id": "nobody", **asking.QUIET}
        parts = [confluent_kafka.TopicPartition(self.topic, p) for p in range(self.partitions)]
        deadline = time.monotonic() + 3 * PATIENCE
        while True:
            try:
                with contextlib.closing(confluent_kafka.Consumer(settings)) as consumer:
                    return {part.partition: consumer.get_watermark_offsets(part, timeout=30)[1] for part in parts}
            except confluent_kafka.KafkaException:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.5)
