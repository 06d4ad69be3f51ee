"""The ledger itself: what a plain consumer reads back is what it says, offset by offset."""

import confluent_kafka

import checker
import ledger as ledgers
import records


def read_back(brokers, topic, partition):
    """{offset: hash} of all committed records of one partition"""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": brokers,
            "group.id": f"{topic}-read-back",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
        }
    )
    consumer.assign([confluent_kafka.TopicPartition(topic, partition, 0)])
    found = {}
    try:
        while True:
            for message in consumer.consume(20_000, 1):
                error = message.error()
                if error and error.code() == confluent_kafka.KafkaError._PARTITION_EOF:
                    return found
                assert not error, error
                found[message.offset()] = records.record_hash(
                    message.key(), message.value(), message.headers(), message.timestamp()[1]
                )
    finally:
        consumer.close()


def test_the_ledger_is_what_kafka_holds(ledger_options, brokers, topic):
    ledger = ledgers.fill(ledger_options(records=20_000, bad_ratio=0.05))
    for partition in range(len(ledger.entries)):
        kinds, hashes = ledger.by_offset(partition)
        found = read_back(brokers, topic, partition)
        visible = [o for o, kind in enumerate(kinds) if checker.MUST_BE_SEEN[kind]]
        assert sorted(found) == visible
        wrong = [o for o in visible if found[o] != hashes[o]]
        assert not wrong, f"partition {partition}: differ at {wrong[:10]}"


def test_the_mix_holds_everything_that_can_go_wrong(ledger_options, topic):
    ledger = ledgers.fill(ledger_options(records=20_000, bad_ratio=0.05))
    counts = ledger.counts()
    assert set(counts) >= {records.kind_name(records.BAD_BASE + i) for i in range(11)}
    assert counts["aborted"] > 100 and counts["tombstone"] > 100
    assert ledger.topic == topic


def test_a_ledger_survives_its_folder(tmp_path):
    ledger = ledgers.Ledger("t", 2, {5: "{}"})
    ledger.add(1, 3, 2**64 - 1, records.GOOD)
    ledger.save(tmp_path)
    kinds, hashes = ledgers.Ledger.load(tmp_path).by_offset(1)
    assert (bytes(kinds), list(hashes)) == (b"\0\0\0\1", [0, 0, 0, 2**64 - 1])
