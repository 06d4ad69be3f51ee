"""A small archive written by fastavro, with the ledger that it must match, for testing the checker.

A plan is a list of slots; a slot is a list of rows. Tests change the plan, the manifests or the
objects, each in one way, and expect the checker to name just that.
"""

import base64
import dataclasses
import hashlib
import io
import json
import pathlib
import random

import fastavro
import google_crc32c
import xxhash

import ledger as ledgers
import records
import sensors

CLUSTER, TOPIC, TOPIC_ID = "fake-cluster", "fake", "8f4e1c2ab7d94f03a1b2c3d4e5f60718"
SCHEMA_ID = 17
META = [
    {"name": "kafka_partition", "type": "int"},
    {"name": "kafka_offset", "type": "long"},
    {
        "name": "kafka_timestamp",
        "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}],
    },
    {"name": "kafka_key", "type": ["null", "bytes"]},
    {
        "name": "kafka_headers",
        "type": {
            "type": "array",
            "items": {
                "type": "record",
                "name": "KafkaHeader",
                "fields": [
                    {"name": "key", "type": "string"},
                    {"name": "value", "type": ["null", "bytes"]},
                ],
            },
        },
    },
]
REJECTED = [
    {"name": "reason", "type": "string"},
    {"name": "detail", "type": "string"},
    {"name": "schema_id", "type": ["null", "int"]},
    {"name": "value", "type": "bytes"},
]


@dataclasses.dataclass
class Row:
    """One archived record."""

    offset: int
    timestamp: int
    key: bytes
    headers: list
    kind: int
    wire: bytes
    datum: dict
    role: str = None  # None: by kind

    def in_role(self):
        if self.role:
            return self.role
        if self.kind == records.TOMBSTONE:
            return "tombstone"
        return "rejected" if self.kind >= records.BAD_BASE else "data"


@dataclasses.dataclass
class Slot:
    start: int
    next: int
    rows: list
    holes: list
    kind: str = "data"


class FakeArchive:
    """Plan, ledger and, after write(), a folder that is an archive root."""

    PARTITION = 3

    def __init__(self, folder, slots=4, per_slot=40):
        self.folder = pathlib.Path(folder)
        self.text = sensors.load_schema("sensor_reading.v1")
        self.ledger = ledgers.Ledger(TOPIC, self.PARTITION + 1, {SCHEMA_ID: self.text})
        self.rng = random.Random(7)
        self.encoder, self.data = sensors.Encoder(self.text), sensors.Datum(self.rng)
        self.plan = [self._slot(n * per_slot, (n + 1) * per_slot) for n in range(slots)]

    def _slot(self, start, end):
        """The last two offsets: an aborted record and its marker."""
        rows = [self._row(offset) for offset in range(start, end - 2)]
        for row in rows:
            self._note(row, row.kind)
        self._note(self._row(end - 2), records.ABORTED)
        return Slot(start, end, rows, [[end - 2, end - 1]])

    def truncate(self, offset):
        """Kafka loses all from offset on; the archive notes it and goes on with what comes then."""
        self.ledger.truncate(self.PARTITION, offset)
        self.plan.append(Slot(self.plan[-1].next, offset, [], [], "lineage"))
        self.plan.append(self._slot(offset, offset + 40))

    def _row(self, offset):
        datum = self.data.of(self.encoder.schema)
        parts = self.encoder.encode(datum)
        kind, wire = records.GOOD, records.frame(SCHEMA_ID, b"".join(parts))
        if offset % 10 == 4:
            kind, wire = records.TOMBSTONE, None
        elif offset % 10 == 7:
            kind = records.BAD_BASE + offset // 10 % len(records.BAD_KINDS)
            name = records.BAD_KINDS[kind - records.BAD_BASE]
            wire = sensors.broken_value(name, self.encoder, SCHEMA_ID, parts)
        headers = [("n", b"%d" % offset), ("n", None)] if offset % 3 == 0 else []
        key = None if offset % 11 == 0 else b"sensor-%d" % (offset % 5)
        return Row(offset, 1_760_000_000_000 + offset, key, headers, kind, wire, datum)

    def _note(self, row, kind):
        found = records.record_hash(row.key, row.wire, row.headers, row.timestamp)
        self.ledger.add(self.PARTITION, row.offset, found, kind)

    # --- writing ---------------------------------------------------------------------------------

    def slot_path(self, seq):
        tid = TOPIC_ID[:8]
        return self.folder / f"_log/{CLUSTER}/{TOPIC}~{tid}/{self.PARTITION:05}/{seq:016}.json"

    def objects(self):
        return sorted(p for p in (self.folder / "data").rglob("*") if p.is_file())

    def write(self):
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "_format.json").write_text('{"format":1}')
        for seq, slot in enumerate(self.plan):
            roles = ("data", "rejected", "tombstone")
            files = [self._write_file(seq, slot, role) for role in roles]
            self._write_manifest(seq, slot, [file for file in files if file])
        self.relink()

    def _write_file(self, seq, slot, role):
        rows = [row for row in slot.rows if row.in_role() == role]
        if not rows:
            return None
        data = self._container(rows, role)
        tid = TOPIC_ID[:8]
        key = (
            f"data/topic={TOPIC}/dt=2025-10-09/hh=08/{tid}-p{self.PARTITION:05}-s{seq:016}"
            f"-o{slot.start:020}-{self.rng.getrandbits(64):016x}.avro"
        )
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        entry = {"key": key, "records": len(rows), "schemas": [SCHEMA_ID], "upload": "u"}
        entry |= {"first": rows[0].offset, "last": rows[-1].offset, "codec": "zstandard"}
        if role != "data":
            entry["role"] = role
        return entry | checksums_of(data)

    def _container(self, rows, role):
        value = json.loads(self.text)["fields"] if role == "data" else []
        fields = META + (REJECTED if role == "rejected" else value)
        schema = {
            "type": "record",
            "name": "SensorReadingArchived",
            "namespace": "silt.sensors",
            "fields": fields,
        }
        meta = {"silt.topic": TOPIC, "silt.partition": str(self.PARTITION)}
        meta |= {"silt.schema_id": str(SCHEMA_ID), "silt.framing": "confluent"}
        stream = io.BytesIO()
        fastavro.writer(
            stream,
            schema,
            [self._columns(row, role) for row in rows],
            codec="zstandard",
            sync_interval=2000,
            metadata=meta,
        )
        return stream.getvalue()

    def _columns(self, row, role):
        columns = {
            "kafka_partition": self.PARTITION,
            "kafka_offset": row.offset,
            "kafka_timestamp": row.timestamp,
            "kafka_key": row.key,
            "kafka_headers": [{"key": k, "value": v} for k, v in row.headers],
        }
        if role == "data":
            return {**columns, **row.datum}
        if role == "rejected":
            return {**columns, "reason": "why", "detail": "", "schema_id": 1, "value": row.wire}
        return columns

    def _write_manifest(self, seq, slot, files):
        rejected = sum(row.in_role() == "rejected" for row in slot.rows)
        self.put_manifest(
            seq,
            {
                "v": 1,
                "kind": slot.kind,
                "lineage": sum(s.kind == "lineage" for s in self.plan[: seq + 1]),
                "archive": "a",
                "cluster": CLUSTER,
                "topic": TOPIC,
                "topic_id": TOPIC_ID,
                "partition": self.PARTITION,
                "seq": seq,
                "prev": "",
                "start": slot.start,
                "next": slot.next,
                "records": len(slot.rows) - rejected,
                "rejected": rejected,
                "holes": slot.holes,
                "unreadable": [],
                "digest": self._digest(slot),
                "files": files,
            },
        )

    def _digest(self, slot):
        """Encoded by fastavro from what docs/formats.md says is in it."""
        fields = META[1:] + [{"name": "wire", "type": ["null", "bytes"]}]
        schema = fastavro.parse_schema({"type": "record", "name": "Share", "fields": fields})
        stream = io.BytesIO()
        for row in sorted(slot.rows, key=lambda row: row.offset):
            columns = {**self._columns(row, "tombstone"), "wire": self._wire(row)}
            fastavro.schemaless_writer(stream, schema, columns)
        return xxhash.xxh3_128_hexdigest(stream.getvalue())

    def _wire(self, row):
        """As the row's file has it: a changed datum shows."""
        if row.in_role() != "data":
            return row.wire
        return records.frame(SCHEMA_ID, b"".join(self.encoder.encode(row.datum)))

    def manifest(self, seq):
        return json.loads(self.slot_path(seq).read_bytes())

    def put_manifest(self, seq, manifest):
        self.slot_path(seq).parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps(manifest, sort_keys=True, separators=(",", ":"))
        self.slot_path(seq).write_text(text)

    def relink(self):
        """Makes the hash chain whole again after manifests were changed."""
        link = "0" * 64
        for seq in range(len(self.plan)):
            manifest = self.manifest(seq)
            manifest["prev"] = link
            self.put_manifest(seq, manifest)
            link = hashlib.sha256(self.slot_path(seq).read_bytes()).hexdigest()


def checksums_of(data):
    crc = base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()
    return {
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "parts": [{"n": 1, "size": len(data), "etag": "e", "crc32c": crc}],
    }
