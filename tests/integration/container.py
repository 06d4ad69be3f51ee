"""Avro object container files, read so that the exact bytes of every value are seen.

fastavro decodes each record; where it stands before and after tells which bytes it took. So byte
equality is proved without encoding anything again.
"""

import io
import json
import zlib

import cramjam
import fastavro
from backports import zstd

MAGIC = b"Obj\x01"
META_FIELDS = (
    "kafka_partition",
    "kafka_offset",
    "kafka_timestamp",
    "kafka_key",
    "kafka_headers",
)
_HEADER = fastavro.parse_schema({"type": "map", "values": "bytes"})
_LONG = fastavro.parse_schema("long")


class ContainerError(Exception):
    """A file is not a well-formed container of ours."""


def _decompress_snappy(data):
    raw = bytes(cramjam.snappy.decompress_raw(data[:-4]))
    if zlib.crc32(raw) != int.from_bytes(data[-4:], "big"):
        raise ContainerError("crc32 of a snappy block is wrong")
    return raw


_CODECS = {
    "null": lambda data: data,
    "deflate": lambda data: zlib.decompress(data, -15),
    "snappy": _decompress_snappy,
    "zstandard": zstd.decompress,
}


def without_logical_types(schema):
    """The same layout with plain types: no datetime objects, and twice as fast."""
    if isinstance(schema, dict):
        return {k: without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
    if isinstance(schema, list):
        return [without_logical_types(item) for item in schema]
    return schema


class Container:
    """One file: its header at once, its blocks one after the other."""

    def __init__(self, data):
        self.data = data
        self.stream = io.BytesIO(data)
        if self.stream.read(4) != MAGIC:
            raise ContainerError("no Avro magic")
        self.meta = fastavro.schemaless_reader(self.stream, _HEADER)
        self.sync = self.stream.read(16)
        self.schema = json.loads(self.meta["avro.schema"])
        self.codec = self.meta.get("avro.codec", b"null").decode()
        if self.codec not in _CODECS:
            raise ContainerError(f"unknown codec {self.codec}")
        self._split_schema()

    def _split_schema(self):
        """The metadata columns and what stands behind them, as two schemas."""
        fields = self.schema["fields"]
        names = tuple(field["name"].rstrip("_") for field in fields[: len(META_FIELDS)])
        if names != META_FIELDS:
            raise ContainerError(f"the first fields are {names}, not {META_FIELDS}")
        self.value_fields = fields[len(META_FIELDS) :]
        plain = without_logical_types(fields)
        self.meta_reader = fastavro.parse_schema(
            {"type": "record", "name": "SiltMeta", "fields": plain[: len(META_FIELDS)]}
        )
        self.value_reader = fastavro.parse_schema(
            {
                "type": "record",
                "name": "SiltValue",
                "namespace": self.schema.get("namespace", ""),
                "fields": plain[len(META_FIELDS) :],
            }
        )

    def blocks(self):
        """(count, raw bytes) of each block."""
        decompress = _CODECS[self.codec]
        stream, end = self.stream, len(self.data)
        while stream.tell() < end:
            count = fastavro.schemaless_reader(stream, _LONG)
            size = fastavro.schemaless_reader(stream, _LONG)
            data = stream.read(size)
            if count < 0 or len(data) != size:
                raise ContainerError("a block is cut off")
            if stream.read(16) != self.sync:
                raise ContainerError("a block's sync marker is wrong")
            yield count, decompress(data)

    def records(self):
        """(metadata dict, its exact bytes, value dict, its exact bytes) of each record."""
        read = fastavro.schemaless_reader
        meta_reader, value_reader = self.meta_reader, self.value_reader
        for count, raw in self.blocks():
            stream = io.BytesIO(raw)
            for _ in range(count):
                start = stream.tell()
                meta = read(stream, meta_reader, None)
                middle = stream.tell()
                value = read(stream, value_reader, None)
                yield meta, raw[start:middle], value, raw[middle : stream.tell()]
            if stream.tell() != len(raw):
                raise ContainerError("bytes are left behind the last record of a block")
