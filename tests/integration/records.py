"""What a record is to the ledger and the checker: one 64-bit hash over all that must survive.

Nothing here knows silt's code; both sides of a comparison are computed from bytes that Kafka or an
archive file gave us.
"""

import struct

import xxhash

GOOD = 1
TOMBSTONE = 2
ABORTED = 3
BAD_BASE = 16

# The kinds of broken values that the ledger writes; a ledger entry's kind is BAD_BASE + index.
BAD_KINDS = (
    "truncated",
    "trailing_bytes",
    "bad_magic",
    "unknown_schema_id",
    "invalid_utf8",
    "enum_out_of_range",
    "union_out_of_range",
    "negative_length",
    "oversized_length",
    "empty_value",
    "array_count_lie",
)

_LENGTHS = struct.Struct("<qii").pack
_LENGTH = struct.Struct("<i").pack


def kind_name(kind):
    names = {0: "nothing", GOOD: "good", TOMBSTONE: "tombstone", ABORTED: "aborted"}
    if kind >= BAD_BASE:
        return "bad: " + BAD_KINDS[kind - BAD_BASE]
    return names.get(kind, f"kind {kind}")


def record_hash(key, value, headers, timestamp):
    """The hash of one record; None and b"" differ, and so do the same bytes cut elsewhere."""
    parts = [
        _LENGTHS(
            timestamp,
            -1 if key is None else len(key),
            -1 if value is None else len(value),
        ),
        key or b"",
        value or b"",
    ]
    for name, content in headers or ():
        raw = name.encode()
        parts += (
            _LENGTH(len(raw)),
            raw,
            _LENGTH(-1 if content is None else len(content)),
            content or b"",
        )
    return xxhash.xxh3_64_intdigest(b"".join(parts))


def zigzag(number):
    """An Avro long."""
    left = (number << 1) ^ (number >> 63)
    left &= (1 << 64) - 1
    out = bytearray()
    while left > 0x7F:
        out.append(left & 0x7F | 0x80)
        left >>= 7
    out.append(left)
    return bytes(out)


def frame(schema_id, body, framing="confluent"):
    """The wire bytes of a value. schema_id: the registry's, or the schema's fingerprint.

    confluent: a zero byte, the id in 4 bytes. single_object: C3 01, the fingerprint in 8 bytes,
    little-endian. none: nothing.
    """
    if framing == "confluent":
        return b"\0" + struct.pack(">i", schema_id) + body
    return (b"\xc3\x01" + schema_id.to_bytes(8, "little") if framing == "single_object" else b"") + body
