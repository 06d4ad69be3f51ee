"""The straight way: Kafka to S3, everything in the mix, nothing going wrong."""

import pytest

import ledger as ledgers
import records

RECORDS = 20_000


def assert_books(summary, ledger):
    """The archive holds exactly what the ledger counts."""
    counts = ledger.counts()
    good = counts[records.kind_name(records.GOOD)]
    tombstones = counts[records.kind_name(records.TOMBSTONE)]
    bad = sum(count for name, count in counts.items() if name.startswith("bad"))
    found = (summary["records"], summary["tombstones"], summary["rejected"])
    assert found == (good, tombstones, bad)


def test_a_mixed_topic_reaches_s3_exactly_once(
    run_silt, ledger_options, bucket, topic, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=RECORDS, bad_ratio=0.03, tombstone_ratio=0.02))
    root = f"s3://{bucket}/archive"
    run = run_silt(root, [topic])
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


@pytest.mark.parametrize("codec", ["deflate", "snappy", "null"])
def test_every_codec_can_be_read_by_others(
    run_silt, ledger_options, bucket, topic, assert_clean, codec
):
    ledger = ledgers.fill(ledger_options(records=2000))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], archive={"codec": codec})
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


def test_the_same_on_minio(run_silt, ledger_options, minio_bucket, servers, topic, assert_clean):
    """MinIO answers a repeated Complete with 404 or 412 where versitygw and AWS say 200."""
    ledger = ledgers.fill(ledger_options(records=2000))
    root = f"s3://{minio_bucket}/archive"
    run = run_silt(root, [topic], s3={"endpoint": servers.get("MINIO_ENDPOINT")})
    run.archive_endpoint = "MINIO_ENDPOINT"
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger, endpoint="MINIO_ENDPOINT"), ledger)


def test_a_folder_as_archive_root(run_silt, ledger_options, tmp_path, topic, assert_clean):
    ledger = ledgers.fill(ledger_options(records=2000))
    root = f"file://{tmp_path}/archive"
    run = run_silt(root, [topic])
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


def test_two_workers_share_the_partitions(run_silt, ledger_options, bucket, topic, assert_clean):
    ledger = ledgers.fill(ledger_options(records=RECORDS, partitions=6))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic])
    run.start(2)
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)
