"""Schema resolution beside Java's Avro and fastavro: schemas, and what became of them.

Java's SchemaCompatibility must say the same of every pair. fastavro reads data, so it is asked only of readable
pairs: it must read every datum, but for bytes that are no text and become a string.
"""

import io
import json
import random
import subprocess

import fastavro

import avro_pairs

NAMED = ("record", "enum", "fixed")
DEFAULTS = {"int": 0, "long": 0, "string": "", "double": 0.5, "boolean": True}


class Evolution:
    """Makes a reader's schema out of a writer's: small changes, allowed ones and others."""

    def __init__(self, rng):
        self.rng, self.renamed, self.changes = rng, {}, 0

    def change(self, one_in):
        """At most two changes, so that many pairs stay readable."""
        happens = self.changes < 2 and self.rng.randrange(one_in) == 0
        self.changes += happens
        return happens

    def of(self, schema):
        if isinstance(schema, list):
            return self.union(schema)
        if isinstance(schema, str):
            return self.renamed.get(schema) or self.primitive(schema)
        kind = schema["type"]
        new = {**schema}
        if kind in NAMED:
            self.name(new)
        if kind == "record":
            self.fields(new)
        elif kind == "enum":
            self.symbols(new)
        elif kind == "fixed" and self.change(5):
            new["size"] += 1
        for key in ("items", "values"):
            if key in new:
                new[key] = self.of(new[key])
        return ["null", new] if self.change(30) else new

    def primitive(self, kind):
        if kind not in avro_pairs.PRIMITIVES or not self.change(5):
            return kind
        other = self.rng.choice(avro_pairs.PRIMITIVES)
        return self.rng.choice([other, ["null", other], [kind, "null"]])

    def union(self, branches):
        new, seen = [], set()
        for branch in branches:
            if len(branches) > 1 and self.change(8):
                continue
            branch = branch if isinstance(branch, str) and branch in avro_pairs.PRIMITIVES else self.of(branch)
            for one in branch if isinstance(branch, list) else [branch]:
                key = one if isinstance(one, str) else one.get("name", one["type"])
                if key not in seen:
                    seen.add(key)
                    new.append(one)
        return new or ["null"]

    def name(self, schema):
        old = schema["name"]
        if self.change(12):
            schema["name"] = "X" + old
            if self.rng.random() < 0.5:
                schema["aliases"] = ["Other", old]
        elif self.change(12):
            schema["name"] = "space." + old
        self.renamed[old] = schema["name"]

    def fields(self, schema):
        fields = []
        for field in schema["fields"]:
            if self.change(15):
                continue
            field = {**field, "type": self.of(field["type"])}
            if self.change(15):
                field["aliases"] = [field["name"]] if self.rng.random() < 0.5 else ["unknown"]
                field["name"] += "x"
            fields.append(field)
        if self.change(6):
            kind = self.rng.choice(list(DEFAULTS))
            default = {"default": DEFAULTS[kind]} if self.rng.random() < 0.6 else {}
            fields.append({"name": "new", "type": kind, **default})
        if self.rng.random() < 0.2:
            self.rng.shuffle(fields)
        schema["fields"] = fields

    def symbols(self, schema):
        symbols = list(schema["symbols"])
        if self.change(6):
            symbols = symbols[:-1] or ["T"]
        if self.change(6):
            symbols.append("T2")
        if self.change(8):
            schema["default"] = symbols[0]
        schema["symbols"] = symbols


def is_valid(schema):
    try:
        fastavro.parse_schema(json.loads(json.dumps(schema)))
    except Exception:  # pylint: disable=broad-except  # a name before its definition, above all
        return False
    return True


def pairs(seed, n):
    """[(writer, reader)...]"""
    rng, found = random.Random(seed), []
    while len(found) < n:
        writer = avro_pairs.Schemas(rng).record(0) if rng.random() < 0.8 else avro_pairs.Schemas(rng).any(0)
        reader = Evolution(rng).of(writer)
        if is_valid(reader):
            found.append((writer, reader))
    return found


def _ask(command, found):
    lines = "".join(f"{json.dumps(w)}\t{json.dumps(r)}\n" for w, r in found)
    return subprocess.run(command, input=lines, check=True, capture_output=True, text=True).stdout.splitlines()


def ours(program, found):
    return _ask([program], found)


def java(class_path, found):
    return _ask(["java", "-Xmx512m", "-cp", class_path, "AvroResolves"], found)


def fastavro_fails(seed, found, verdicts, data_n=5):
    """What is readable and fastavro cannot read: [(writer, reader, datum, why)...]"""
    rng, failed = random.Random(seed), []
    for (writer, reader), verdict in zip(found, verdicts):
        if verdict != "readable":
            continue
        make = avro_pairs.Data(rng, writer).make
        parsed = fastavro.parse_schema(json.loads(json.dumps(writer)))
        wanted = fastavro.parse_schema(json.loads(json.dumps(reader)))
        for datum in (make() for _ in range(data_n)):
            try:
                fastavro.schemaless_reader(io.BytesIO(datum), parsed, wanted)
            except UnicodeDecodeError:
                continue
            except Exception as error:  # pylint: disable=broad-except  # whatever it is, it is a refusal
                failed.append((json.dumps(writer), json.dumps(reader), datum.hex(), repr(error)))
                break
    return failed
