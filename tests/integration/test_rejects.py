"""Records that are not what they should be: where they go, and when it is too much."""

import ledger as ledgers
from test_thin_line import assert_books


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
