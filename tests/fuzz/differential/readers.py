"""The walker's verdicts beside those of other Avro readers, and which differences are known.

Each known one is the other reader's leniency: it takes what the specification does not have, and what silt refuses
because somebody else would stumble over it. docs/reliability.md explains each. Never known: that another reader
refuses what the walker takes.
"""

import collections
import io
import json
import pathlib
import re
import subprocess

import fastavro

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent.parent
KNOWN = {
    "fastavro": {"bad_boolean", "bad_varint", "bad_enum", "bad_union", "bad_block"},
    "java": {"bad_boolean", "bad_varint", "bad_utf8", "bad_block"},
}


def reasons():
    """Names by number."""
    table = (ROOT / "src/record/reason.def").read_text(encoding="utf-8")
    return ["valid"] + re.findall(r'^SILT_REASON\(\w+,\s*"(\w+)"', table, re.MULTILINE)


def walker(program, path):
    return subprocess.run([program, path], check=True, capture_output=True).stdout


def java(class_path, path):
    """Small limits, or a length that lies takes all memory."""
    limits = [f"-Dorg.apache.avro.limits.{what}.maxLength=1000000" for what in ("bytes", "string", "collectionItems")]
    command = ["java", "-Xmx512m", *limits, "-cp", class_path, "AvroVerdicts", path]
    return subprocess.run(command, check=True, capture_output=True).stdout


def fastavro_takes(schema, datum):
    stream = io.BytesIO(datum)
    try:
        fastavro.schemaless_reader(stream, schema)
    except Exception:  # pylint: disable=broad-except  # whatever it is, it is a refusal
        return False
    return stream.tell() == len(datum)


def fastavro_verdicts(batches):
    out = bytearray()
    for text, data in batches:
        schema = fastavro.parse_schema(json.loads(text))
        out += bytes(not fastavro_takes(schema, datum) for datum, _ in data)
    return bytes(out)


class Comparison:
    """Counts agreements and known differences; keeps what nobody has explained."""

    def __init__(self):
        self.names = reasons()
        self.pairs = self.valid = 0
        self.known = collections.Counter()
        self.unexplained = []

    def add(self, batches, ours, others):
        data = [(schema, datum, good) for schema, data in batches for datum, good in data]
        assert len(ours) == len(data) and all(len(verdicts) == len(data) for verdicts in others.values())
        self.pairs += len(data)
        self.valid += ours.count(0)
        for i, (schema, datum, is_well_formed) in enumerate(data):
            reason = self.names[ours[i]]
            if is_well_formed and ours[i]:
                self.unexplained.append(("encoder", reason, schema, datum.hex()))
            for name, verdicts in others.items():
                if bool(ours[i]) == bool(verdicts[i]):
                    continue
                if ours[i] and reason in KNOWN[name]:
                    self.known[name, reason] += 1
                else:
                    self.unexplained.append((name, reason, schema, datum.hex()))

    def report(self):
        print(f"{self.pairs} pairs, {self.valid} valid, {self.pairs - self.valid} not")
        for (name, reason), n in sorted(self.known.items()):
            print(f"  {name:9} takes what the walker refuses as {reason:13} {n:8}")
        for row in self.unexplained[:10]:
            print("  UNEXPLAINED", *row)
        print(f"{len(self.unexplained)} unexplained")
