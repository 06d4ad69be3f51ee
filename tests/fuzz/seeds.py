#!/usr/bin/env python3
"""Well-formed inputs for the fuzz targets to begin with: a fuzzer finds no JSON manifest in a lifetime.

    tests/fuzz/seeds.py FOLDER        writes FOLDER/TARGET/NAME; tests/fuzz/run does it before each run

What a run finds beyond them is in tests/fuzz/corpus, minimised.
"""

import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def walker():
    sensor = b"\x06abc\x80\x89\x7a" + b"\0" * 8 + b"\0" + b"\2\4ms" + b"\2\2a\2b\0" + b"\4" + b"\0" * 8 + b"\0"
    tree = b"\2s\2\2n\0\0\1\2\2\2k\0\0\1\0\0"
    yield "sensor", b"\0" + sensor
    yield "tree", b"\1" + tree
    yield "mixed", b"\2" + b"\0\2" + b"\2" + b"\2abcde\0" + b"\2" + b"\0\0\0\0\0" + b"\0" + b"\0" + b"\1"
    yield "bytes", b"\3" + b"\6xyz"
    yield "nothing", b"\4" + b"\4\0" + b"\2\0" + b"\0\0\0\0\0"


def schema():
    for version in ("v1", "v2"):
        yield version, (ROOT / f"schemas/avro/sensor_reading.{version}.avsc").read_bytes()
    yield "names", (b'{"type":"record","name":"a.B","namespace":"x","aliases":["C"],"fields":[{"name":"a","type":'
                    b'{"type":"record","name":"D","fields":[{"name":"b","type":["null","string"],"default":null}]}},'
                    b'{"name":"e","type":["null","a.B","D"]},{"name":"f","type":{"type":"fixed","name":"F","size":3}},'
                    b'{"name":"g","type":{"type":"map","values":{"type":"array","items":"F"}}}]}')
    yield "ours", (b'{"type":"record","name":"R","fields":[{"name":"kafka_key","type":"int"},{"name":"kafka_offset_",'
                   b'"type":{"type":"enum","name":"KafkaHeader","namespace":"silt.archive","symbols":["A","B"]}}]}')
    yield "simple", b'"string"'
    yield "union", b'["null",{"type":"long","logicalType":"timestamp-micros"},"double"]'


def manifest():
    part = {"n": 1, "size": 7, "etag": '"e"', "crc32c": "00c0ffee"}
    file = {"key": "data/topic=t/x.avro", "role": "data", "upload": "u", "token": "t", "size": 7,
            "crc32c": "deadbeef", "codec": "zstd", "records": 3, "first": 10, "last": 14, "schemas": [17],
            "parts": [part]}
    slot = {"v": 1, "kind": "data", "archive": "a", "cluster": "c", "topic": "t", "topic_id": "0" * 32,
            "partition": 7, "seq": 1, "prev": "0" * 64, "uuid": "u", "created": "2026-01-01T00:00:00Z",
            "start": 10, "next": 16, "lineage": 0, "records": 3, "tombstones": 0, "rejected": 1,
            "holes": [[11, 11]], "unreadable": [[15, 15]], "digest": "d", "leader_epoch": [-1, 3], "ts": [1, 2],
            "cut": {"time": "kafka", "unit": "hour", "max_files": 8},
            "writer": {"pod": "p", "boot": "b", "version": "0"},
            "files": [file, {**file, "role": "rejected", "records": 1, "first": 13, "last": 13, "schemas": []}]}
    gap = {**slot, "kind": "gap", "files": [], "records": 0, "rejected": 0, "holes": [], "unreadable": []}
    repair = {"v": 1, "kind": "repair", "topic": "t", "topic_id": "0", "partition": 7, "seq": 1, "file": 0, "k": 1,
              "lost": False, "with": file}
    for name, value in (("slot", slot), ("gap", gap), ("lineage", {**gap, "kind": "lineage", "next": 3}),
                        ("repair", repair), ("lost", {**repair, "lost": True}), ("newer", {"v": 2})):
        yield name, json.dumps(value, separators=(",", ":"), sort_keys=True).encode()


def xml():
    for name, text in LISTS.items():
        yield name, text.encode()
    yield "text", b'<?xml version="1.0"?><!-- c --><a x=\'1\'>&lt;&#65;&#x20ac;<![CDATA[<b>]]></a>'


ERROR = "<Error><Code>NoSuchKey</Code><Message>no &amp; never</Message><Region>eu-west-1</Region></Error>"
LISTS = {
    "error": ERROR,
    "objects": "<ListBucketResult><IsTruncated>true</IsTruncated><Contents><Key>root/data/a</Key><Size>5</Size>"
               "</Contents><Contents><Key>root/data/b</Key><Size>0</Size></Contents></ListBucketResult>",
    "parts": "<ListPartsResult><NextPartNumberMarker>1</NextPartNumberMarker><IsTruncated>true</IsTruncated><Part>"
             "<PartNumber>1</PartNumber><ETag>\"e\"</ETag><Size>5</Size><ChecksumCRC32C>AQIDBA==</ChecksumCRC32C>"
             "</Part></ListPartsResult>",
    "uploads": "<ListMultipartUploadsResult><NextKeyMarker>k</NextKeyMarker><IsTruncated>true</IsTruncated><Upload>"
               "<Key>root/data/a</Key><UploadId>u</UploadId><Initiated>2026-01-01T00:00:00.000Z</Initiated></Upload>"
               "</ListMultipartUploadsResult>",
    "created": "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    "completed": "<CompleteMultipartUploadResult><ETag>\"e\"</ETag></CompleteMultipartUploadResult>",
    "lifecycle": "<LifecycleConfiguration><Rule><Filter><Prefix>root/_log/</Prefix></Filter><Status>Enabled</Status>"
                 "<Expiration><Days>3</Days></Expiration><AbortIncompleteMultipartUpload><DaysAfterInitiation>7"
                 "</DaysAfterInitiation></AbortIncompleteMultipartUpload></Rule></LifecycleConfiguration>",
}


def s3_answer():
    """Operation (as in store.h), index of the status, no headers, the body."""
    operations = {"objects": 3, "parts": 8, "uploads": 9, "created": 4, "completed": 6, "lifecycle": 10, "error": 1}
    for name, operation in operations.items():
        yield name, bytes([operation, 6 if name == "error" else 0, 0, 0]) + LISTS[name].encode()
    headers = b"\"e\"\0Sun, 06 Nov 1994 08:49:37 GMT\0" + b"17\0"
    yield "head", bytes([2, 0, 0, 7]) + headers
    yield "checksums", bytes([5, 0, 0, 0x21]) + b"\"e\"\0AQIDBA==\0"
    yield "full", bytes([2, 0, 1, 0x64]) + b"5\0AQIDBA==\0FULL_OBJECT\0token\0"


def registry():
    yield "found", b'\0{"schema":"{\\"type\\":\\"string\\"}","schemaType":"AVRO"}'
    yield "plain", b'\0{"schema":"\\"int\\""}'
    yield "proto", b'\0{"schema":"x","schemaType":"PROTOBUF"}'
    yield "references", b'\0{"schema":"x","references":[{"name":"a","subject":"s","version":1}]}'
    yield "unknown", b'\1{"error_code":40403,"message":"Schema not found"}'
    yield "page", b"\1<html>no such page</html>"


def refs():
    site = b'{"type":"record","name":"Site","namespace":"a","fields":[{"name":"x","type":"int"}]}'
    kind = b'{"type":"enum","name":"a.Kind","symbols":["K"]}'
    plant = b'{"type":"record","name":"b.P","fields":[{"name":"k","type":["a.Kind","P"]}]}'
    fixed = b'{"type":"record","name":"W","fields":[{"name":"f","type":{"type":"fixed","name":"F","size":1}}]}'
    twice = b'{"type":"record","name":"a.R","fields":[{"name":"s","type":"Site"},{"name":"t","type":"Site"}]}'
    yield "field", twice + b"\0" + site
    yield "union", b'["null",{"type":"a.Site"},{"type":"map","values":"a.Kind"}]\0' + site + b"\0" + kind
    yield "chain", b'"b.P"\0' + plant + b"\0" + kind
    yield "inner", b'["F","W"]\0' + fixed


def object():  # pylint: disable=redefined-builtin
    """Role, what is given, chunk size and whether it is shown."""
    meta = b"\2\4\2\6\2\2k\2\2h\2\2v\0"
    yield "data", b"\0\2\4" + b"\2" + meta + b"\4id\2\6" + b"\2ab\0"
    yield "bare", b"\0\2\1" + b"\1" + b"\0\0\0\0\0" + b"\0\0\0"
    yield "rejected", b"\1\2\4" + b"\1" + b"\0\0\0\0\0" + b"\2r\2d\2\7\2v"
    yield "tombstone", b"\2\2\4" + b"\1" + meta
    yield "blocks", b"\2\1\0" + b"\2\012" + b"\0\0\0\0\0" + b"0123456789abcde\0"
    schema_json = b'{"type":"record","name":"R","fields":[{"name":"a","type":"bytes"}]}'
    header = {"avro.codec": b"null", "avro.schema": schema_json, "silt.framing": b"none"}
    pairs = b"".join(varint(len(key)) + key.encode() + varint(len(value)) + value for key, value in header.items())
    yield "whole", (b"\0\0\0" + b"Obj\1" + varint(len(header)) + pairs + b"\0" + b"0123456789abcdef" +
                    b"\2\14" + b"\12\0\0\0\0\0" + b"0123456789abcdef")


def varint(value):
    """Zig-zag, of what is not negative."""
    value, out = value * 2, b""
    while value > 0x7F:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def container():
    """Chunk size, which header is given."""
    block = b"\2\4ab" + b"0123456789abcde\0"
    yield "null", b"\3\1" + block + block
    yield "deflate", b"\7\3" + b"\2\12" + b"\x4b\x4c\x4a\x06\0" + b"0123456789abcde\0"
    yield "snappy", b"\7\5" + b"\2\20" + b"\2\4ab" + b"\x9e\x83\x48\x6d" + b"0123456789abcde\0"
    yield "zstd", b"\7\7" + b"\2\26" + b"\x28\xb5\x2f\xfd\x20\2\x11\0\0ab" + b"0123456789abcde\0"
    yield "whole", b"\xff\0" + next(content for name, content in object() if name == "whole")[3:]


def config():
    yaml = ("kafka:\n  brokers: \"b1:9092,b2\"\n  topics: [a, 'b']\n  properties: {linger.ms: 5}\n"
            "schema:\n  registry: http://r\narchive:\n  root: s3://b/p\n  max_bytes: 64MiB\n  max_age: 5m\n"
            "s3: {part_size: 8MiB, path_style: true}\nmemory: 1GiB\nmetrics:\n  listen: \"[::1]:9\"\n")
    yield "file", yaml.encode() + b"\0SILT_KAFKA_GROUP=g\0--archive.root=file:///x\0--s3.path_style\0AWS_REGION=r\0"
    yield "words", b"\0SILT_KAFKA_PROPERTIES=a=1,b=2\0--kafka.properties=a=1,b\0--kafka.topics=a,b\0--memory=1GiB\0"
    yield "anchors", b"a: &x [1]\nb: *x\nkafka: !!map {? group : g}\n--- 2\n\0"


def credentials():
    """Two files, profile, role, variables up to an empty one, answers."""
    keys = b"[a]\naws_access_key_id = AK\naws_secret_access_key = s\naws_session_token = t\n\0"
    sts = (b"<R><Credentials><AccessKeyId>AK</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t"
           b"</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></R>\0")
    document = b'{"AccessKeyId":"AK","SecretAccessKey":"s","Token":"t","Expiration":"2099-01-01T00:00:00Z"}\0'
    role = b"arn:aws:iam::123456789012:role/r\0"
    yield "keys", keys + b"\0a\0\0\0"
    yield "hop", keys + b"\0a\0" + role + b"\0\0" + sts
    yield "source", keys + b"[profile b]\nrole_arn = " + role[:-1] + b"\nsource_profile = a\n\0b\0\0\0\0" + sts
    yield "web", (b"\0\0\0\0AWS_WEB_IDENTITY_TOKEN_FILE=/t\0AWS_ROLE_ARN=" + role + b"\0token\n\0\0" + sts)
    yield "container", (b"\0\0\0\0AWS_CONTAINER_CREDENTIALS_FULL_URI=http://127.0.0.1/c\0"
                        b"AWS_CONTAINER_AUTHORIZATION_TOKEN=w\0\0\0" + document)
    yield "instance", b"\0\0\0\0\0\0token\0\0role\n\0\0" + document


def key():
    yield "plain", b"sensors\0lkc-1\0" + bytes(range(40))
    yield "hostile", b"../..\0//%2e\0" + b"\xff" * 40
    yield "data", (b"data/topic=t/dt=2026-01-01/hh=03/0123abcd-p00007-s0000000000000001f1r2-o00000000000000000010-"
                   b"0123456789abcdef-rejected.avro\0")
    yield "seq", b"0000000000000042.json\0"


def admin():
    yield "get", b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    yield "head", b"HEAD /livez HTTP/1.0\r\n\r\n"
    yield "post", b"POST /api/v1/status HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"
    yield "chunks", b"GET /?a=%41 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"


def framing():
    yield "confluent", b"\0\0\0\0\x11abc"
    yield "single", b"\xc3\x0112345678abc"


TARGETS = [walker, schema, manifest, xml, s3_answer, registry, refs, object, container, config, credentials, key, admin,
           framing]


def main():
    folder = pathlib.Path(sys.argv[1])
    for target in TARGETS:
        (folder / target.__name__).mkdir(parents=True, exist_ok=True)
        for name, content in target():
            (folder / target.__name__ / f"seed-{name}").write_bytes(content)
    (folder / "avro_json").mkdir(exist_ok=True)
    for name, content in walker():
        (folder / "avro_json" / f"seed-{name}").write_bytes(content)


if __name__ == "__main__":
    main()
