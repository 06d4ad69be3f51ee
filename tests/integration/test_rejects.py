"""Records that are not what they should be: where they go, and when it is too much."""

import json

import confluent_kafka

import ledger as ledgers
import records
from test_lifecycle import manifests
from test_thin_line import assert_books

CONNECT = "__connect.errors."


def read_all(brokers, topic):
    """Every record of a topic with one partition."""
    consumer = confluent_kafka.Consumer({"bootstrap.servers": brokers, "group.id": topic, "enable.partition.eof": True})
    consumer.assign([confluent_kafka.TopicPartition(topic, 0, confluent_kafka.OFFSET_BEGINNING)])
    found = []
    while True:
        message = consumer.poll(30)
        assert message is not None, "the end of the topic did not come"
        if message.error():
            assert message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF, message.error()
            break
        found.append(message)
    consumer.close()
    return found


def test_too_many_rejects_halt_a_partition_until_an_operator_says_so(
    run_silt, ledger_options, bucket, topic, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=3000, bad_ratio=0.3, partitions=2))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], schema={"max_reject_ratio": 0.1})
    worker = run.start()
    status = worker.wait_status(lambda s: {p["state"] for p in s["partitions"]} == {"halted"})
    assert "rejects, more than schema.max_reject_ratio allows" in status["ready_why"]
    assert worker.http("/readyz") is None, "503 was wanted"
    assert "silt_reject_halts_total 2" in worker.http("/metrics")
    assert not run.durable(topic)
    worker.terminate()
    run.environment["SILT_SCHEMA_MAX_REJECT_RATIO"] = "1"
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


def test_a_reject_is_logged_with_the_correlation_id_of_its_record(run_silt, bucket, topic, brokers):
    ledgers.create_topic(brokers, topic, 1)
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
    producer.produce(topic, b"no framing", headers=[("X-Correlation-Id", b"order-7")])
    producer.produce(topic, b"no framing", headers=[("trace", b"order-8")])
    producer.flush(30)
    run = run_silt(f"s3://{bucket}", [topic])
    worker = run.start()
    worker.wait_status(lambda s: s["records_rejected"] == 2)
    tracked = {line["offset"]: line for line in worker.lines("failure_tracked")}
    assert tracked[0]["correlation_id"] == "order-7"
    assert "correlation_id" not in tracked[1]
    run.stop()


def test_rejects_are_copied_to_a_dead_letter_topic(
    run_silt, ledger_options, bucket, topic, brokers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=3000, bad_ratio=0.1, partitions=2))
    dead = f"{topic}-dead"
    ledgers.create_topic(brokers, dead, 1)
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], dlq={"topic": dead})
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)
    wanted, found = {}, {}
    for partition in range(2):
        kinds, hashes = ledger.by_offset(partition)
        wanted |= {(partition, o): hashes[o] for o, kind in enumerate(kinds) if kind >= records.BAD_BASE}
    for letter in read_all(brokers, dead):
        errors = {k.removeprefix(CONNECT): v.decode() for k, v in letter.headers() if k.startswith(CONNECT)}
        own = [(k, v) for k, v in letter.headers() if not k.startswith(CONNECT)]
        assert errors["topic"] == topic
        assert errors["connector.name"] == run.settings["kafka"]["group"]
        assert errors["stage"] == "VALUE_CONVERTER"
        assert errors["exception.class.name"].startswith("silt.")
        assert errors["exception.message"]
        place = int(errors["partition"]), int(errors["offset"])
        assert place not in found, f"{place} came twice"
        found[place] = records.record_hash(letter.key(), letter.value(), own, letter.timestamp()[1])
    assert found == wanted


def test_what_the_reader_cannot_read_is_rejected(run_silt, ledger_options, bucket, topic, tmp_path):
    ledger = ledgers.fill(ledger_options(records=2000, bad_ratio=0, transactional=0))
    fields = [{"name": "quality", "type": "int"}, {"name": "sensor_id", "type": "string"}]
    reader = tmp_path / "reader.avsc"
    reader.write_text(json.dumps({"type": "record", "name": "SensorReading", "fields": fields}))
    run = run_silt(f"s3://{bucket}", [topic], schema={"reader": str(reader)})
    worker = run.start()
    run.wait_archived(ledger)
    metrics = worker.http("/metrics")
    run.stop()
    books = [m for m in manifests(run, topic) if m["kind"] == "data"]
    rejected = sum(m["rejected"] for m in books)
    # The first version has no quality, the second one has.
    assert rejected and rejected < sum(m["records"] + m["rejected"] for m in books)
    assert f'silt_rejected_by_reason_total{{reason="incompatible_schema"}} {rejected}\n' in metrics
