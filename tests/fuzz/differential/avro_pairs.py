"""Random Avro schemas, and data for them: well-formed ones in every form that the encoding allows, and damaged ones.

The data are made by this file's own encoder, from the specification (Avro 1.11, "Binary Encoding"). Items of arrays
have at least one byte each: of those without, a few bytes can name so many that other readers never end.
"""

import json
import random
import struct

PRIMITIVES = ["boolean", "int", "long", "float", "double", "bytes", "string"]
PIECES = ["a", "sensor-", "0123456789", "ü", "北", "\U0001f321", "", "\x00"]


def varint(value):
    value = (value << 1) ^ (value >> 63)
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


class Schemas:
    """Makes schemas; names are unique within one."""

    def __init__(self, rng):
        self.rng, self.names, self.open = rng, 0, []

    def name(self):
        self.names += 1
        return f"N{self.names}"

    def any(self, depth, in_array=False):
        rng = self.rng
        kinds = list(PRIMITIVES)
        if not in_array:
            kinds.append("null")
        if depth < 4:
            kinds += ["record", "enum", "fixed", "array", "map", "union", "union", "record", "array"]
        kind = rng.choice(kinds)
        if kind in ("record", "enum", "fixed", "array", "map", "union"):
            return getattr(self, kind)(depth)
        return kind

    def record(self, depth):
        record = {"type": "record", "name": self.name(), "fields": []}
        self.open.append(record)
        # The first field has a byte, so the record has one too.
        record["fields"] = [{"name": f"f{i}", "type": self.any(depth + 1, in_array=i == 0)}
                            for i in range(self.rng.randint(1, 5))]
        if self.rng.random() < 0.2:
            record["fields"].append({"name": "again", "type": ["null", record["name"]]})
        self.open.pop()
        return record

    def enum(self, _depth):
        return {"type": "enum", "name": self.name(), "symbols": [f"S{i}" for i in range(self.rng.randint(1, 5))]}

    def fixed(self, _depth):
        return {"type": "fixed", "name": self.name(), "size": self.rng.randint(1, 9)}

    def array(self, depth):
        return {"type": "array", "items": self.any(depth + 1, in_array=True)}

    def map(self, depth):
        return {"type": "map", "values": self.any(depth + 1)}

    def union(self, depth):
        branches = self.rng.sample(["null"] + PRIMITIVES, self.rng.randint(1, 4))
        for kind in ("record", "array", "map", "fixed"):
            if self.rng.random() < 0.15:
                branches.append(getattr(self, kind)(depth + 1))
        return branches


class Data:
    """Makes well-formed data of one schema."""

    def __init__(self, rng, schema):
        self.rng, self.named, self.schema = rng, {}, schema
        self.collect(schema)

    def collect(self, schema):
        if isinstance(schema, list):
            for branch in schema:
                self.collect(branch)
        if isinstance(schema, dict):
            self.named[schema.get("name")] = schema
            for inner in [field["type"] for field in schema.get("fields", [])]:
                self.collect(inner)
            self.collect(schema.get("items"))
            self.collect(schema.get("values"))

    def make(self):
        return self.value(self.schema, 0)

    def number(self, bits):
        magnitude = self.rng.getrandbits(self.rng.randint(0, bits - 1))
        return varint(magnitude if self.rng.random() < 0.5 else -magnitude - (self.rng.random() < 0.1 and
                                                                              magnitude == (1 << (bits - 1)) - 1))

    def text(self):
        text = "".join(self.rng.choices(PIECES, k=self.rng.randint(0, 4))).encode()
        return varint(len(text)) + text

    def blocks(self, depth, item):
        """Any cut into blocks, each with its size or without."""
        out = b""
        for _ in range(self.rng.randint(0, 2 if depth < 6 else 0)):
            items = [item() for _ in range(self.rng.randint(1, 3))]
            body = b"".join(items)
            if self.rng.random() < 0.3:
                out += varint(-len(items)) + varint(len(body)) + body
            else:
                out += varint(len(items)) + body
        return out + b"\0"

    def union(self, schema, depth):
        index = self.rng.randrange(len(schema))
        if depth > 6 and "null" in schema:
            index = schema.index("null")
        return varint(index) + self.value(schema[index], depth + 1)

    def value(self, schema, depth):
        rng = self.rng
        if isinstance(schema, list):
            return self.union(schema, depth)
        if isinstance(schema, str) and schema in self.named:
            schema = self.named[schema]
        kind = schema if isinstance(schema, str) else schema["type"]
        if kind == "null":
            return b""
        if kind == "boolean":
            return bytes([rng.randint(0, 1)])
        if kind in ("int", "long"):
            return self.number(32 if kind == "int" else 64)
        if kind == "float":
            return struct.pack("<f", rng.uniform(-1e6, 1e6))
        if kind == "double":
            return struct.pack("<d", rng.uniform(-1e9, 1e9))
        if kind == "bytes":
            content = rng.randbytes(rng.randint(0, 12))
            return varint(len(content)) + content
        if kind == "string":
            return self.text()
        if kind == "enum":
            return varint(rng.randrange(len(schema["symbols"])))
        if kind == "fixed":
            return rng.randbytes(schema["size"])
        if kind == "array":
            return self.blocks(depth, lambda: self.value(schema["items"], depth + 1))
        if kind == "map":
            return self.blocks(depth, lambda: self.text() + self.value(schema["values"], depth + 1))
        return b"".join(self.value(field["type"], depth + 1) for field in schema["fields"])


def mutate(rng, datum):
    """Damage of one kind; it may still be a datum."""
    bytes_ = bytearray(datum)
    kind = rng.randrange(6)
    if kind == 0:
        return bytes(bytes_[:rng.randrange(len(bytes_) + 1)])
    if kind == 1:
        return bytes(bytes_) + rng.randbytes(rng.randint(1, 4))
    at = rng.randrange(len(bytes_) + 1)
    if kind == 2 and bytes_:
        bytes_[at % len(bytes_)] ^= 1 << rng.randrange(8)
    elif kind == 3 and bytes_:
        bytes_[at % len(bytes_)] = rng.choice([0, 1, 2, 3, 0x7F, 0x80, 0xFE, 0xFF])
    elif kind == 4:
        bytes_[at:at + rng.randint(0, 2)] = varint(rng.choice([-1, 1, 1 << 31, -(1 << 31), 1 << 62, -(1 << 63), 100]))
    elif kind == 5:
        bytes_[at:at] = b"\x80" * rng.randint(1, 10) + bytes([rng.randrange(128)])
    return bytes(bytes_)


def pairs(seed, data_n, per_schema=100, damaged=9):
    """Yields (schema as JSON, [(datum, is well-formed)...]) until there are data_n of them."""
    rng = random.Random(seed)
    while data_n > 0:
        schema = Schemas(rng).record(0) if rng.random() < 0.7 else Schemas(rng).any(0)
        make = Data(rng, schema).make
        data = []
        while len(data) < min(per_schema, data_n):
            datum = make()
            data.append((datum, True))
            data += [(mutate(rng, datum), False) for _ in range(damaged)]
        data_n -= len(data)
        yield json.dumps(schema, separators=(",", ":")), data


def write(path, batches):
    """The file that differ_walk.c describes."""
    with open(path, "wb") as out:
        for schema, data in batches:
            text = schema.encode()
            out.write(struct.pack("<I", len(text)) + text + struct.pack("<I", len(data)))
            for datum, _ in data:
                out.write(struct.pack("<I", len(datum)) + datum)
