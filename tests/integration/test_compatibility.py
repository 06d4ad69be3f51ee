"""docs/compatibility.md: each store named there passes the probes at start, an archive and verify."""

import re
import subprocess

import pytest

import ledger as ledgers
import servers as addresses
from test_thin_line import assert_books

TABLE = addresses.CHECKOUT / "docs/compatibility.md"
STORES = {"versitygw": "S3_ENDPOINT", "MinIO": "MINIO_ENDPOINT", "directory": None}


def test_every_supported_store_is_tried_here():
    rows = re.findall(r"^\| ([^|]+?) \| supported", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    assert {row.split()[0] for row in rows} == set(STORES)


@pytest.mark.parametrize("store", STORES)
def test_a_short_archive_is_proved(
    run_silt, ledger_options, servers, silt_bin, topic, tmp_path, assert_clean, store
):
    endpoint = STORES[store]
    root, options = f"file://{tmp_path}/archive", {}
    if endpoint:
        bucket = f"silt-{topic}"
        servers.s3(endpoint).create_bucket(Bucket=bucket)
        root = f"s3://{bucket}/archive"
        options = {"s3": {"endpoint": servers.get(endpoint), "tags": {"team": "a b"}}}
    ledger = ledgers.fill(ledger_options(records=2000))
    run = run_silt(root, [topic], **options)
    run.archive_endpoint = endpoint
    run.start()
    run.wait_archived(ledger)
    run.stop()
    for depth in ([], ["--deep"]):
        command = [str(silt_bin), "verify", *depth, "--config", str(run.config)]
        result = subprocess.run(
            command, env=run.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert result.returncode == 0, result.stdout + result.stderr
    assert_books(assert_clean(root, ledger, **({"endpoint": endpoint} if endpoint else {})), ledger)
    if endpoint:
        assert_tagged(servers.s3(endpoint), bucket)


def assert_tagged(client, bucket):
    """Data objects have the tags, manifests have none."""
    for folder, wanted in (("data", [{"Key": "team", "Value": "a b"}]), ("_log", [])):
        page = client.list_objects_v2(Bucket=bucket, Prefix=f"archive/{folder}/", MaxKeys=1)
        (found,) = page["Contents"]
        tags = client.get_object_tagging(Bucket=bucket, Key=found["Key"])["TagSet"]
        assert tags == wanted, found["Key"]
