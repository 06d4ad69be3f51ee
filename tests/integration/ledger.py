#!/usr/bin/env python3
"""Fills a topic with sensor readings and writes down what Kafka acknowledged: the ledger.

    ledger.py --brokers 127.0.0.1:19092 --registry URL --topic T --records 1000000 --out FOLDER

The mix: two schema versions, all compressions, keys and headers and null keys, tombstones,
values broken in every way of records.BAD_KINDS, and interleaved transactions of which some are
aborted. An entry of the ledger is partition, offset, kind and a 64-bit hash over key, value,
headers and timestamp; offsets come from delivery reports, so nothing is assumed about order.
"""

import argparse
import array
import functools
import json
import pathlib
import random
import struct
import sys
import time
import urllib.error
import urllib.request

import confluent_kafka
import fastavro
from confluent_kafka import admin

import records
import sensors

COMPRESSIONS = ("none", "gzip", "snappy", "lz4", "zstd")
_ENTRY = struct.Struct("<qQB")
_DOUBLE = struct.Struct("<d").pack
HOUR_MS = 3_600_000


class Ledger:
    """What a topic must contain: per partition, by offset, a kind and a hash."""

    def __init__(self, topic, partitions, schemas=None, topic_id=None):
        self.topic = topic
        self.topic_id = topic_id  # 32 hex digits; None: any incarnation of the topic
        self.schemas = schemas or {}  # id -> text as registered
        self.entries = [bytearray() for _ in range(partitions)]
        self.lost = {}  # partition -> {offset: [(hash, kind)]}: truncated, maybe archived before

    def add(self, partition, offset, record_hash, kind):
        self.entries[partition] += _ENTRY.pack(offset, record_hash, kind)

    def merge(self, other):
        """Adds what was produced to the same topic later on."""
        self.schemas |= other.schemas
        self.entries += [bytearray() for _ in range(len(other.entries) - len(self.entries))]
        for mine, more in zip(self.entries, other.entries):
            mine += more

    def forget(self, partition, start, end):
        """Kafka has lost [start,end)."""
        kept = bytearray()
        for entry in _ENTRY.iter_unpack(self.entries[partition]):
            if not start <= entry[0] < end:
                kept += _ENTRY.pack(*entry)
        self.entries[partition] = kept

    def truncate(self, partition, start):
        """An unclean election took everything from start on, and new records follow there."""
        kept, lost = bytearray(), self.lost.setdefault(partition, {})
        for offset, record_hash, kind in _ENTRY.iter_unpack(self.entries[partition]):
            if offset < start:
                kept += _ENTRY.pack(offset, record_hash, kind)
            else:
                lost.setdefault(offset, []).append((record_hash, kind))
        self.entries[partition] = kept

    def save(self, folder):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        for partition, entries in enumerate(self.entries):
            (folder / f"{partition:05}.bin").write_bytes(entries)
        head = {"topic": self.topic, "partitions": len(self.entries), "schemas": self.schemas}
        head["topic_id"] = self.topic_id
        head["lost"] = {p: list(lost.items()) for p, lost in self.lost.items()}
        (folder / "ledger.json").write_text(json.dumps(head), encoding="utf-8")

    @classmethod
    def load(cls, folder):
        folder = pathlib.Path(folder)
        head = json.loads((folder / "ledger.json").read_text(encoding="utf-8"))
        schemas = {int(key): text for key, text in head["schemas"].items()}
        ledger = cls(head["topic"], head["partitions"], schemas, head.get("topic_id"))
        for partition, lost in head.get("lost", {}).items():
            ledger.lost[int(partition)] = {o: [tuple(e) for e in found] for o, found in lost}
        for partition in range(head["partitions"]):
            ledger.entries[partition] = (folder / f"{partition:05}.bin").read_bytes()
        return ledger

    def by_offset(self, partition):
        """(kinds, hashes): arrays indexed by offset; kind 0 where the ledger has nothing."""
        entries = self.entries[partition]
        end = max((entry[0] for entry in _ENTRY.iter_unpack(entries)), default=-1) + 1
        kinds, hashes = bytearray(end), array.array("Q", bytes(8 * end))
        for offset, record_hash, kind in _ENTRY.iter_unpack(entries):
            if kinds[offset]:
                raise ValueError(f"two ledger entries at {self.topic}/{partition}/{offset}")
            kinds[offset] = kind
            hashes[offset] = record_hash
        return kinds, hashes

    def offsets(self, partition):
        return {entry[0] for entry in _ENTRY.iter_unpack(self.entries[partition])}

    def counts(self):
        totals = {}
        for entries in self.entries:
            for _, _, kind in _ENTRY.iter_unpack(entries):
                totals[kind] = totals.get(kind, 0) + 1
        return {records.kind_name(kind): n for kind, n in sorted(totals.items())}


def register(registry, subject, text):
    """The id of a schema, registered if it was not."""
    request = urllib.request.Request(
        f"{registry}/subjects/{subject}/versions",
        data=json.dumps({"schema": text}).encode(),
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)["id"]
    except urllib.error.HTTPError as error:
        raise RuntimeError(f"registry refused {subject}: {error.read()[:300]}") from error


class Lane:
    """One producer: one compression, and either plain or transactional."""

    RUNS_PER_TRANSACTION = 4
    ABORT_EVERY = 4

    def __init__(self, ledger, brokers, compression, transactional_id=None, extra=None):
        self.ledger = ledger
        self.errors = []
        self.pending = []  # of the open transaction: (partition, offset, hash, kind)
        self.transactional = transactional_id is not None
        self.runs = self.transactions = 0
        settings = {
            "bootstrap.servers": brokers,
            "compression.type": compression,
            "enable.idempotence": True,
            "linger.ms": 20,
            "batch.size": 262_144,
            "queue.buffering.max.messages": 200_000,
            "message.timeout.ms": 120_000,
        }
        if self.transactional:
            settings["transactional.id"] = transactional_id
            settings["transaction.timeout.ms"] = 120_000
        self.producer = confluent_kafka.Producer({**settings, **(extra or {})})
        if self.transactional:
            self.producer.init_transactions(60)

    def begin_run(self):
        if self.transactional and self.runs % self.RUNS_PER_TRANSACTION == 0:
            self.producer.begin_transaction()

    def end_run(self):
        self.producer.poll(0)
        self.runs += 1
        if self.transactional and self.runs % self.RUNS_PER_TRANSACTION == 0:
            self._finish_transaction()

    def close(self):
        if self.transactional and self.runs % self.RUNS_PER_TRANSACTION:
            self._finish_transaction()
        if left := self.producer.flush(300):
            raise RuntimeError(f"{left} records were not acknowledged")
        if self.errors:
            raise RuntimeError(f"{len(self.errors)} records failed, first: {self.errors[0]}")

    def send(self, topic, partition, key, value, headers, timestamp, kind):
        record_hash = records.record_hash(key, value, headers, timestamp)
        report = functools.partial(self._delivered, record_hash, kind)
        while True:
            try:
                self.producer.produce(
                    topic,
                    value=value,
                    key=key,
                    partition=partition,
                    timestamp=timestamp,
                    headers=headers,
                    on_delivery=report,
                )
                return
            except BufferError:
                self.producer.poll(0.05)

    def _delivered(self, record_hash, kind, error, message):
        if error is not None or message.offset() < 0:
            self.errors.append(error or "acknowledged without an offset")
        elif self.transactional:
            self.pending.append((message.partition(), message.offset(), record_hash, kind))
        else:
            self.ledger.add(message.partition(), message.offset(), record_hash, kind)

    def _finish_transaction(self):
        """Flushes first: a record that an abort purges would have no known offset."""
        if left := self.producer.flush(120):
            raise RuntimeError(f"{left} records of a transaction were not acknowledged")
        self.transactions += 1
        aborted = self.transactions % self.ABORT_EVERY == 0
        if aborted:
            self.producer.abort_transaction(60)
        else:
            self.producer.commit_transaction(60)
        for partition, offset, record_hash, kind in self.pending:
            self.ledger.add(partition, offset, record_hash, records.ABORTED if aborted else kind)
        self.pending.clear()


class Mix:
    """Chooses what each record is."""

    def __init__(self, options, schemas):
        self.options = options
        self.rng = random.Random(options.seed)
        self.pools = [
            sensors.Pool(text, schema_id, options.pool, options.seed, options.framing)
            for schema_id, text in schemas.items()
        ]
        now = int(time.time() * 1000)
        # Whole hours in the past: a broker refuses timestamps more than an hour ahead.
        self.first_ms = now - now % HOUR_MS - options.hours * HOUR_MS
        self.keys = [f"sensor-{n:05}".encode() for n in range(options.sensors)]

    def record(self, number):
        """(sensor, key, value, headers, timestamp, kind) of the number-th record"""
        options, rng = self.options, self.rng
        sensor = int(rng.random() * options.sensors)
        key = None if number % 97 == 13 else self.keys[sensor]
        dice = rng.random()
        kind = records.GOOD
        pool = self.pools[(number >> 6) % len(self.pools)]  # schemas change within a batch
        if dice < options.bad_ratio:
            kind, value = pool.bad[number % len(pool.bad)]
        elif dice < options.bad_ratio + options.tombstone_ratio:
            kind, key, value = records.TOMBSTONE, self.keys[sensor], None
        else:
            before, after = pool.good[int(rng.random() * len(pool.good))]
            value = before if after is None else before + _DOUBLE(number) + after
        return sensor, key, value, self._headers(number), self._timestamp(number), kind

    def _headers(self, number):
        if number % 8:
            return None
        headers = [("n", b"%d" % number), ("trace", b"\x00\xff\x10" * (number % 5))]
        if number % 24 == 0:
            headers += [("n", None), ("été", b"")]  # a repeated name, null and empty
        return headers

    def _timestamp(self, number):
        """Event time moves on evenly, with every 50th record up to an hour late."""
        spread = min(self.options.records, 1_000_000)  # an endless run starts over
        at = self.first_ms + number % spread * self.options.hours * HOUR_MS // spread
        if number % 50 == 7:
            at -= int(self.rng.random() * HOUR_MS)
        return at


def create_topic(brokers, topic, partitions, config=None):
    client = admin.AdminClient({"bootstrap.servers": brokers})
    new = admin.NewTopic(topic, num_partitions=partitions, config=config or {})
    try:
        client.create_topics([new])[topic].result(30)
    except confluent_kafka.KafkaException as error:
        if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def describe(client, topic, patience_s=60):
    """A topic that was just made is not known to the broker at once: the controller made it."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            return client.describe_topics(confluent_kafka.TopicCollection([topic]))[topic].result(30)
        except confluent_kafka.KafkaException as error:
            unknown = confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART
            if error.args[0].code() != unknown or time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def topic_id(brokers, topic):
    """The id of the topic's present incarnation, as 32 hex digits."""
    return topic_id_of(admin.AdminClient({"bootstrap.servers": brokers}), topic)


def topic_id_of(client, topic):
    found = describe(client, topic).topic_id
    bits = (found.get_most_significant_bits(), found.get_least_significant_bits())
    return "".join(f"{half % (1 << 64):016x}" for half in bits)


def identify(options, text):
    """What stands before a value for its schema: the registry's id, its fingerprint, nothing."""
    if options.framing == "confluent":
        return register(options.registry, f"{options.topic}-value", text)
    if options.framing == "none":
        return 0
    canonical = fastavro.schema.to_parsing_canonical_form(json.loads(text))
    # fastavro prints the fingerprint's bytes from the lowest on.
    digits = fastavro.schema.fingerprint(canonical, "CRC-64-AVRO")
    return int.from_bytes(bytes.fromhex(digits), "little")


def fill(options, schema_names=("sensor_reading.v1", "sensor_reading.v2")):
    """Produces by the options (see parse) and returns the finished ledger."""
    texts = map(sensors.load_schema, schema_names[:1] if options.framing == "none" else schema_names)
    schemas = {identify(options, text): text for text in texts}
    create_topic(options.brokers, options.topic, options.partitions)
    known = topic_id(options.brokers, options.topic)
    ledger = Ledger(options.topic, options.partitions, schemas, known)
    mix = Mix(options, schemas)
    lanes = [Lane(ledger, options.brokers, name) for name in COMPRESSIONS]
    for n in range(options.transactional):
        name = f"{options.topic}-{options.seed}-{n}"
        lanes.append(Lane(ledger, options.brokers, COMPRESSIONS[n % 5], name))
    _produce(options, mix, lanes)
    return ledger


def _produce(options, mix, lanes):
    run = max(20, min(500, options.records // 400, (options.rate or 10_000) // 20))
    number, turn, started = 0, 0, time.monotonic()
    while number < options.records:
        lane = lanes[turn % len(lanes)]
        lane.begin_run()
        for number in range(number, min(number + run, options.records)):
            sensor, key, value, headers, timestamp, kind = mix.record(number)
            partition = sensor % options.partitions
            lane.send(options.topic, partition, key, value, headers, timestamp, kind)
        number += 1
        turn += 1
        lane.end_run()
        if options.rate:
            time.sleep(max(0, started + number / options.rate - time.monotonic()))
    for lane in lanes:
        lane.close()


def parse(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("--brokers", required=True)
    parser.add_argument("--registry", required=True, help="base URL of its Confluent API")
    parser.add_argument("--topic", required=True)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--sensors", type=int, default=1000)
    parser.add_argument("--hours", type=int, default=3, help="event times spread over so many")
    parser.add_argument("--bad-ratio", type=float, default=0.01)
    parser.add_argument("--tombstone-ratio", type=float, default=0.01)
    parser.add_argument("--transactional", type=int, default=2, help="transactional producers")
    parser.add_argument("--rate", type=int, default=0, help="records a second; 0: no limit")
    parser.add_argument("--pool", type=int, default=20_000, help="distinct values per schema")
    parser.add_argument(
        "--framing", default="confluent", choices=("confluent", "single_object", "none")
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", help="folder of the ledger")
    return parser.parse_args(arguments)


def main():
    options = parse()
    started = time.monotonic()
    ledger = fill(options)
    if options.out:
        ledger.save(options.out)
    seconds = time.monotonic() - started
    json.dump({"seconds": round(seconds, 1), "records": ledger.counts()}, sys.stdout)
    print()


if __name__ == "__main__":
    main()
