"""What operators do by hand, beside running workers."""

import json
import subprocess

import ledger as ledgers
from test_lifecycle import NEVER, fetched, manifests


def silt(run, *words):
    command = [run.binary, words[0], "--config", run.config, *words[1:]]
    ran = subprocess.run(command, env=run.environment, capture_output=True, text=True, timeout=60, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def test_skipped_offsets_are_left_out_beside_a_worker_that_has_them_in_hand(run_silt, ledger_options, bucket, topic):
    ledgers.fill(ledger_options(records=1000, partitions=1, bad_ratio=0, transactional=0))
    run = run_silt(f"s3://{bucket}/archive", [topic], archive={"max_age": NEVER})
    run.start().wait_status(fetched)
    run.stop()
    tail = run.durable(topic)[0]
    ledgers.fill(ledger_options(records=1000, partitions=1, bad_ratio=0, transactional=0, seed=2))
    worker = run.start()
    worker.wait_status(fetched)
    assert run.durable(topic)[0] == tail
    code, out, err = silt(run, "skip", topic, "0", "--to", str(tail + 300))
    assert code == 0, err
    assert f"skipped offsets {tail} to {tail + 299} of {topic} [0] (slot 1)" in out
    run.stop()  # it has to give its window up
    worker = run.start()
    worker.wait_status(fetched)
    run.stop()
    [skip] = manifests(run, topic, "skip")
    data = manifests(run, topic, "data")
    assert (skip["start"], skip["next"], skip["seq"]) == (tail, tail + 300, 1)
    assert not manifests(run, topic, "lineage")
    assert data[1]["start"] == tail + 300 and sum(m["records"] for m in data) == 1700
    code, out, _ = silt(run, "verify", "--deep")
    assert code == 0 and "1700 records" in out
    assert silt(run, "where", topic, "0", str(tail + 299))[0] == 1
    assert silt(run, "where", topic, "0", str(tail + 300))[0] == 0


def test_gc_aborts_what_can_never_be_committed_and_nothing_else(run_silt, ledger_options, bucket, topic, servers):
    ledger = ledgers.fill(ledger_options(records=500, partitions=1))
    run = run_silt(f"s3://{bucket}/archive", [topic])
    run.start()
    run.wait_archived(ledger)
    run.stop()
    key = "archive/" + manifests(run, topic)[0]["files"][0]["key"]
    store = servers.s3()
    dead = key.replace(".avro", "").rsplit("-", 1)[0] + "-eeeeeeeeeeeeeeee.avro"
    kept = dead.replace("-s0000000000000000-", "-s0000000000009999-")
    ids = {name: store.create_multipart_upload(Bucket=bucket, Key=name)["UploadId"] for name in (dead, kept)}
    code, out, _ = silt(run, "gc", "--dry-run", "--json")
    assert code == 0 and json.loads(out) == {"seen": 2, "aborted": 1, "kept": 1, "completed": 0, "failed": 0}
    assert len(run.store().uploads()) == 2
    assert silt(run, "gc")[0] == 0
    left = store.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    assert [upload["UploadId"] for upload in left] == [ids[kept]]
