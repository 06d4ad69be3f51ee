"""`silt where` beside the ledger: what it says of an offset is what became of it."""

import json
import subprocess

import ledger as ledgers
import records
from test_lifecycle import delete_records, lose_staged_uploads

EACH = 5  # offsets of each kind that are asked for


def where(run, topic, offset, partition=0):
    """(state, answer, exit code)"""
    command = [run.binary, "where", topic, str(partition), str(offset), "--json", "--config", run.config]
    ran = subprocess.run(command, env=run.environment, capture_output=True, text=True, timeout=60, check=False)
    assert not ran.stderr, ran.stderr
    answer = json.loads(ran.stdout)
    assert answer["offset"] == offset
    return answer["state"], answer, ran.returncode


def some_of_each_kind(ledger):
    """kind -> offsets of partition 0; 0 are markers"""
    kinds, _ = ledger.by_offset(0)
    found = {}
    for offset, kind in enumerate(kinds):
        found.setdefault(kind, []).append(offset)
    return {kind: offsets[:: max(1, len(offsets) // EACH)][:EACH] for kind, offsets in found.items()}


def expected(kind):
    """(state, role)"""
    if kind == records.GOOD:
        return "archived", "data"
    if kind == records.TOMBSTONE:
        return "archived", "tombstone"
    if kind >= records.BAD_BASE:
        return "rejected", "rejected"
    return ("aborted" if kind == records.ABORTED else "no_record"), None


def test_every_kind_of_record_is_where_it_says(run_silt, ledger_options, bucket, topic, brokers):
    ledger = ledgers.fill(ledger_options(records=6000, partitions=1, bad_ratio=0.2))
    run = run_silt(f"s3://{bucket}/archive", [topic], archive={"max_records": 1500})
    run.start()
    run.wait_archived(ledger)
    run.stop()
    samples = some_of_each_kind(ledger)
    assert {records.GOOD, records.TOMBSTONE, records.ABORTED, 0, records.BAD_BASE} <= set(samples)
    for kind, offsets in samples.items():
        for offset in offsets:
            state, answer, code = where(run, topic, offset)
            assert (state, answer.get("role"), code) == (*expected(kind), 0), answer
            if kind >= records.BAD_BASE:
                assert answer["reason"] and answer["reason"] in answer["text"]
    check_after_the_archive(run, ledger_options, topic, brokers)


def check_after_the_archive(run, ledger_options, topic, brokers):
    """What came later is buffered until retention takes it; then a worker says that it is a gap."""
    end = run.durable(topic)[0]
    assert where(run, topic, end + 1_000_000)[0] == "not_written"
    ledgers.fill(ledger_options(records=400, partitions=1, transactional=0, bad_ratio=0, seed=2))
    assert where(run, topic, end + 10)[::2] == ("buffered", 0)
    kept = delete_records(brokers, topic, {0: end + 100})[0]
    assert where(run, topic, kept - 1)[::2] == ("lost", 1)
    assert where(run, topic, kept)[::2] == ("buffered", 0)
    assert where(run, topic, 0)[0] in ("archived", "rejected", "no_record", "aborted")
    run.start().wait_status(lambda _: run.durable(topic)[0] > kept)
    run.stop()
    assert where(run, topic, kept - 1)[::2] == ("gap", 1)
    assert where(run, topic, kept)[::2] == ("archived", 0)


def test_what_is_committed_and_not_completed_is_uploading(frail, ledger_options, bucket, topic, proxy, servers):
    ledgers.fill(ledger_options(records=500, partitions=1, transactional=0, bad_ratio=0))
    slot, _ = lose_staged_uploads(frail, proxy, topic, bucket, servers, lambda files: [])
    keys = {file["key"] for file in slot["files"]}
    for offset in (slot["start"], slot["next"] - 1):
        state, answer, code = where(frail, topic, offset)
        assert (state, code) == ("uploading", 0) and answer["object"] in keys, answer
