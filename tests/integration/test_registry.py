"""The schema registry: schemas that refer to others, several addresses."""

import io
import json
import urllib.parse
import urllib.request

import confluent_kafka
import fastavro

import ledger as ledgers
import records
import silt_run
from test_lifecycle import lose_staged_uploads, manifests, repair_records
from test_thin_line import assert_books

SITE = {"type": "record", "name": "acme.Site", "fields": [{"name": "name", "type": "string"}]}
PLANT = {
    "type": "record",
    "name": "acme.Plant",
    "fields": [{"name": "sites", "type": {"type": "array", "items": "acme.Site"}}],
}
READING = {
    "type": "record",
    "name": "acme.Reading",
    "fields": [
        {"name": "plant", "type": "acme.Plant"},
        {"name": "site", "type": ["null", "acme.Site"]},
        {"name": "value", "type": "double"},
    ],
}


def register(registry, subject, schema, **references):
    """references: the type's short name and its subject, of which the first version is meant."""
    used = [{"name": f"acme.{n}", "subject": s, "version": 1} for n, s in references.items()]
    request = urllib.request.Request(
        f"{registry}/subjects/{subject}/versions",
        data=json.dumps({"schema": json.dumps(schema), "references": used}).encode(),
        headers={"Content-Type": "application/vnd.schemaregistry.v1+json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)["id"]


def test_what_a_schema_refers_to_is_written_into_the_file(
    run_silt, topic, bucket, brokers, registry
):
    site, plant = f"{topic}-site", f"{topic}/plant"
    register(registry, site, SITE)
    register(registry, urllib.parse.quote(plant, safe=""), PLANT, Site=site)
    schema_id = register(registry, f"{topic}-value", READING, Plant=plant, Site=site)
    names = {}
    parsed = [fastavro.parse_schema(schema, named_schemas=names) for schema in (SITE, PLANT, READING)]
    datum = {"plant": {"sites": [{"name": "a"}, {"name": "b"}]}, "site": {"name": "c"}, "value": 0.5}
    body = io.BytesIO()
    fastavro.schemaless_writer(body, parsed[-1], datum)
    ledgers.create_topic(brokers, topic, 1)
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
    producer.produce(topic, records.frame(schema_id, body.getvalue()))
    producer.flush(30)
    run = run_silt(f"s3://{bucket}", [topic])
    worker = run.start()
    worker.wait_status(lambda _: run.durable(topic) == {0: 1})
    run.stop()
    (slot,) = manifests(run, topic)
    assert (slot["records"], slot["rejected"]) == (1, 0)
    reader = fastavro.reader(io.BytesIO(run.store().get(slot["files"][0]["key"])[0]))
    (row,) = reader
    assert {name: row[name] for name in datum} == datum


def test_the_next_address_is_asked_when_one_is_down(
    run_silt, ledger_options, bucket, topic, registry, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=1000))
    root = f"s3://{bucket}"
    down = f"http://127.0.0.1:{silt_run.free_port()}"
    run = run_silt(root, [topic], schema={"registry": f"{down},{registry}"})
    worker = run.start()
    run.wait_archived(ledger)
    worker.wait_status(lambda _: "silt_registry_failures_total 0" not in worker.http("/metrics"))
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


def test_a_repair_rejects_what_the_registry_did_not_know_then(
    frail, topic, bucket, brokers, registry, proxy, servers
):
    """The schema of every second record is registered after its slot was committed."""
    space = f"acme.{topic}".replace("-", "_")
    known, late = SITE | {"name": f"{space}.Known"}, SITE | {"name": f"{space}.Late"}
    known_id = register(registry, f"{topic}-value", known)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(known), {"name": "a"})
    ledgers.create_topic(brokers, topic, 1)
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
    for number in range(10):
        producer.produce(topic, records.frame(known_id + number % 2, body.getvalue()))
    producer.flush(30)
    slot, gone = lose_staged_uploads(frail, proxy, topic, bucket, servers, lambda files: files)
    assert (slot["records"], slot["rejected"]) == (5, 5)
    assert register(registry, f"{topic}-late", late) == known_id + 1
    worker = frail.start()
    worker.wait_status(lambda _: len(repair_records(frail)) == len(gone))
    frail.stop()
    found = repair_records(frail).values()
    assert not any(record["lost"] for record in found)
    assert sorted(record["with"]["records"] for record in found) == [5, 5]
