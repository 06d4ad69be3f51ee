"""Fields that must not reach the archive: nowhere is a value of theirs, and the archive still proves itself."""

import hashlib
import hmac
import io
import json
import secrets
import struct
import subprocess

import confluent_kafka
import fastavro
import pytest

import ledger as ledgers
from test_lifecycle import lose_staged_uploads, manifests, repair_records
from test_security import assert_nowhere, canary, outputs_of

PERSON = {
    "type": "record",
    "name": "Person",
    "fields": [
        {"name": "email", "type": "string"},
        {"name": "phone", "type": ["null", "string"]},
        {"name": "visits", "type": {"type": "array", "items": {"type": "record", "name": "Visit", "fields": [
            {"name": "where", "type": "string"}, {"name": "minutes", "type": "int"}]}}},
    ],
}
SECRET = secrets.token_hex(16)
PRIVACY = {"hash": ["email", "visits.where"], "drop": ["phone"], "hash_secret": SECRET}
GOOD, BROKEN = 200, 5


def hashed(text):
    return hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).hexdigest()


def produce(brokers, registry, topic):
    """GOOD people and BROKEN ones that end too early. @return the words that nobody may see, the people as archived"""
    ledgers.create_topic(brokers, topic, 1)
    schema_id = ledgers.register(registry, f"{topic}-value", json.dumps(PERSON))
    parsed = fastavro.parse_schema(PERSON)
    words = {name: canary() for name in ("email", "phone", "where")}
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
    people = []
    for number in range(GOOD + BROKEN):
        email, where = f"{words['email']}@{number}", f"{words['where']}/{number}"
        visits = [{"where": where, "minutes": number}] * (number % 3)
        phone = words["phone"] if number % 2 else None
        body = io.BytesIO()
        fastavro.schemaless_writer(body, parsed, {"email": email, "phone": phone, "visits": visits})
        value = struct.pack(">bI", 0, schema_id) + body.getvalue()
        producer.produce(topic, value if number < GOOD else value[:-1])
        if number < GOOD:
            masked = [{"where": hashed(where), "minutes": number}] * len(visits)
            people.append({"email": hashed(email), "phone": None, "visits": masked})
    assert producer.flush(60) == 0
    return words, people


def said(run, *words):
    command = [run.binary, words[0], "--config", run.config, *words[1:]]
    return subprocess.run(command, env=run.environment, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.fixture(name="discreet")
def fixture_discreet(frail, database):
    """The frail archive with privacy, and objects that anybody can read."""
    frail.settings["privacy"] = PRIVACY
    frail.settings["archive"]["codec"] = "null"
    frail.settings["metrics"] = {"postgres": database}
    frail.config.write_text(json.dumps(frail.settings), encoding="utf-8")
    return frail


def test_masked_values_are_nowhere_and_a_repair_masks_them_again(
    discreet, brokers, registry, bucket, topic, proxy, servers, database
):
    words, people = produce(brokers, registry, topic)
    slot, gone = lose_staged_uploads(discreet, proxy, topic, bucket, servers, lambda files: files)
    worker = discreet.start()
    worker.wait_status(lambda _: discreet.durable(topic) == {0: GOOD + BROKEN})
    worker.wait_status(lambda _: len(repair_records(discreet)) == len(gone))
    worker.wait_status(lambda _: not discreet.store().uploads())
    assert not any(record["lost"] for record in repair_records(discreet).values())
    outputs = outputs_of(discreet, worker, database)
    outputs["log"] = worker.log.read_bytes()
    discreet.stop()
    hidden = {name: (word, "") for name, word in words.items()} | {"secret": (SECRET, "")}
    assert_nowhere(hidden, outputs)
    assert slot["rejected"] + sum(m["rejected"] for m in manifests(discreet, topic)[1:]) == BROKEN
    found = [json.loads(line) for line in said(discreet, "cat", topic).splitlines()]
    assert [{name: record["value"][name] for name in people[0]} for record in found] == people
    rejects = [json.loads(line) for line in said(discreet, "cat", topic, "--rejected").splitlines()]
    assert len(rejects) == BROKEN
    said(discreet, "verify", "--deep")


def test_a_field_that_cannot_be_hashed_is_not_archived(run_silt, brokers, registry, bucket, topic):
    produce(brokers, registry, topic)
    run = run_silt(f"s3://{bucket}", [topic], privacy={"hash": ["visits.minutes"], "hash_secret": SECRET})
    worker = run.start()
    worker.wait_status(lambda s: s["records_rejected"] == GOOD + BROKEN)
    worker.wait_status(lambda _: run.durable(topic) == {0: GOOD + BROKEN})
    run.stop()
    rejects = [json.loads(line) for line in said(run, "cat", topic, "--rejected").splitlines()]
    assert {record["reason"] for record in rejects} == {"bad_schema"}
    assert "privacy.hash: visits.minutes is of type int" in rejects[0]["detail"]
    assert not any(record.get("value") or record.get("value_base64") for record in rejects)
