"""Sensor readings as Avro bytes, good and broken ones, for whatever fields the schemas have."""

import io
import json
import pathlib
import random
import struct

import fastavro

import records

HERE = pathlib.Path(__file__).resolve().parent
SCHEMA_FOLDERS = (HERE.parents[1] / "schemas" / "avro", HERE.parent / "data")
SITES = ("north", "south", "Zürich", "北京", "quai-4", "")
HUGE = 1 << 40


def load_schema(name):
    """The text of NAME.avsc: the project's own, else the copy kept as test data."""
    for folder in SCHEMA_FOLDERS:
        path = folder / f"{name}.avsc"
        if path.exists():
            return path.read_text(encoding="utf-8")
    raise FileNotFoundError(f"{name}.avsc in none of: {', '.join(map(str, SCHEMA_FOLDERS))}")


class Datum:
    """Random data for any Avro type; named types are remembered as they are met."""

    def __init__(self, rng):
        self.rng = rng
        self.named = {}

    def of(self, schema):
        if isinstance(schema, list):
            return self.of(self.rng.choice(schema))
        if isinstance(schema, str):
            if schema in self.named:
                return self.of(self.named[schema])
            return getattr(self, "a_" + schema)()
        kind = schema["type"]
        if "name" in schema:
            self.named[schema["name"]] = schema
            self.named[schema.get("namespace", "silt.sensors") + "." + schema["name"]] = schema
        if schema.get("logicalType") == "timestamp-millis":
            return self.rng.randrange(1_760_000_000_000, 1_760_014_400_000)
        handler = getattr(self, "make_" + kind, None)
        return handler(schema) if handler else self.of(kind)

    def make_record(self, schema):
        return {field["name"]: self.of(field["type"]) for field in schema["fields"]}

    def make_enum(self, schema):
        return self.rng.choice(schema["symbols"])

    def make_array(self, schema):
        return [self.of(schema["items"]) for _ in range(self.rng.randrange(9))]

    def make_map(self, schema):
        return {
            f"tag{i}": self.of(schema["values"]) for i in range(self.rng.randrange(4))
        }

    def make_fixed(self, schema):
        return self.rng.randbytes(schema["size"])

    def a_null(self):
        return None

    def a_boolean(self):
        return self.rng.random() < 0.5

    def a_int(self):
        return self.rng.randrange(-(1 << 31), 1 << 31) >> self.rng.randrange(31)

    def a_long(self):
        return self.rng.randrange(-(1 << 63), 1 << 63) >> self.rng.randrange(63)

    def a_float(self):
        return struct.unpack("<f", struct.pack("<f", self.rng.gauss(20, 30)))[0]

    def a_double(self):
        return self.rng.gauss(20, 30)

    def a_string(self):
        return self.rng.choice(SITES) + "-" + str(self.rng.randrange(1000))

    def a_bytes(self):
        return self.rng.randbytes(self.rng.randrange(33))


class Encoder:
    """One schema: encodes records field by field, so that single fields can be broken."""

    def __init__(self, text):
        self.schema = json.loads(text)
        self.fields = self.schema["fields"]
        self.writers = [fastavro.parse_schema(self._alone(f)) for f in self.fields]

    def _alone(self, field):
        """A record of just this field, with the types that earlier fields defined."""
        return {
            "type": "record",
            "name": "Alone",
            "namespace": self.schema.get("namespace", ""),
            "fields": [field],
        }

    def encode(self, datum):
        """The bytes of each field; joined, they are the record."""
        out = []
        for writer in self.writers:
            stream = io.BytesIO()
            fastavro.schemaless_writer(stream, writer, datum)
            out.append(stream.getvalue())
        return out

    def index_of(self, wanted):
        """The first field of a type ("string", "enum", "union", "array", "double"), or None."""
        for index, field in enumerate(self.fields):
            if self._type_name(field["type"]) == wanted:
                return index
        return None

    @staticmethod
    def _type_name(schema):
        if isinstance(schema, list):
            return "union"
        return schema if isinstance(schema, str) else schema["type"]


# The ways to break the body of one record. Each takes the encoder and the encoded fields, and
# returns the broken body; None when the schema has no field that can be broken so.


def _replace(encoder, parts, wanted, data):
    index = encoder.index_of(wanted)
    if index is None:
        return None
    return b"".join(parts[:index] + [data] + parts[index + 1 :])


def _truncated(_encoder, parts):
    body = b"".join(parts)
    return body[: max(1, len(body) * 2 // 3)]


def _trailing(_encoder, parts):
    return b"".join(parts) + b"\x00\x01\x02"


def _invalid_utf8(encoder, parts):
    return _replace(encoder, parts, "string", records.zigzag(4) + b"s\xc3\x28\xff")


def _enum(encoder, parts):
    return _replace(encoder, parts, "enum", records.zigzag(99))


def _union(encoder, parts):
    return _replace(encoder, parts, "union", records.zigzag(7))


def _negative(encoder, parts):
    return _replace(encoder, parts, "string", records.zigzag(-5) + b"hello")


def _oversized(encoder, parts):
    return _replace(encoder, parts, "string", records.zigzag(HUGE) + b"hello")


def _array(encoder, parts):
    return _replace(encoder, parts, "array", records.zigzag(HUGE))


_BODY_BREAKERS = {
    "truncated": _truncated,
    "trailing_bytes": _trailing,
    "invalid_utf8": _invalid_utf8,
    "enum_out_of_range": _enum,
    "union_out_of_range": _union,
    "negative_length": _negative,
    "oversized_length": _oversized,
    "array_count_lie": _array,
}
UNKNOWN_SCHEMA_ID = 999_999_999


def broken_value(kind, encoder, schema_id, parts, framing="confluent"):
    """The wire bytes of a value broken in the named way, or None."""
    if kind == "empty_value":
        return b""
    if kind in _BODY_BREAKERS:
        body = _BODY_BREAKERS[kind](encoder, parts)
        return None if body is None else records.frame(schema_id, body, framing)
    if framing == "none":
        return None  # there is nothing before the body to break
    if kind == "bad_magic":
        return b"\x07" + records.frame(schema_id, b"".join(parts), framing)[1:]
    return records.frame(UNKNOWN_SCHEMA_ID, b"".join(parts), framing)


class Pool:
    """Encoded values of one schema: good ones cut around a double to fill in, and broken ones."""

    def __init__(self, text, schema_id, size, seed, framing="confluent"):
        rng = random.Random(f"{seed}/{schema_id}")
        encoder, datum = Encoder(text), Datum(rng)
        patched = encoder.index_of("double")
        self.good, self.bad = [], []
        for number in range(size):
            parts = encoder.encode(datum.of(encoder.schema))
            self.good.append(self._cut(records.frame(schema_id, b"", framing), parts, patched))
            if number >= size // 20 + len(records.BAD_KINDS):
                continue
            index = number % len(records.BAD_KINDS)
            value = broken_value(records.BAD_KINDS[index], encoder, schema_id, parts, framing)
            if value is not None:
                self.bad.append((records.BAD_BASE + index, value))

    @staticmethod
    def _cut(prefix, parts, patched):
        """(before, after) the double; (whole, None) when the schema has none."""
        if patched is None:
            return prefix + b"".join(parts), None
        return prefix + b"".join(parts[:patched]), b"".join(parts[patched + 1 :])
