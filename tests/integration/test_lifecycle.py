"""A worker's life: it comes, goes, comes back, and the topics change under it."""

import asyncio
import threading
import urllib.parse

import confluent_kafka
import pytest
from confluent_kafka import admin

import ledger as ledgers
import records
import silt_run
from test_thin_line import assert_books

QUICK_METADATA = {"topic.metadata.refresh.interval.ms": "1000"}
NEVER = "10m"  # no window closes by its age within a test


def fetched(status):
    """Everything that Kafka holds was read."""
    parts = status["partitions"]
    return parts and all(part["position"] == part["high"] for part in parts)


def committed_offsets(brokers, group, topic):
    """partition -> the group's offset"""
    client = admin.AdminClient({"bootstrap.servers": brokers})
    found = client.list_consumer_group_offsets([confluent_kafka.ConsumerGroupTopicPartitions(group)])
    offsets = found[group].result(30).topic_partitions
    return {o.partition: o.offset for o in offsets if o.topic == topic}


def manifests(run, topic, kind=None):
    """All manifests of a topic, in order of their keys."""
    store = run.store()
    keys = [k for k in store.list("_log/") if f"/{topic}~" in k and ".r" not in k]
    found = [silt_run.json.loads(store.get(key)[0]) for key in keys]
    return [m for m in found if kind in (None, m["kind"])]


def delete_records(brokers, topic, offsets):
    """offsets: partition -> what becomes its first offset; -1: none of its records stays"""
    client = admin.AdminClient({"bootstrap.servers": brokers})
    wanted = [confluent_kafka.TopicPartition(topic, p, o) for p, o in offsets.items()]
    return {
        part.partition: future.result(30).low_watermark
        for part, future in client.delete_records(wanted).items()
    }


# --- SIGHUP --------------------------------------------------------------------------------------


def test_a_hangup_changes_what_can_change_and_names_the_rest(run_silt, ledger_options, bucket, topic):
    ledger = ledgers.fill(ledger_options(records=500, bad_ratio=0.5))
    run = run_silt(f"s3://{bucket}/archive", [topic], log={"level": "info"})
    worker = run.start()
    run.wait_archived(ledger)
    assert not worker.status()["partitions_halted"]
    run.settings["schema"]["max_reject_ratio"] = 0.1
    run.settings["archive"]["max_records"] = 5
    run.config.write_text(silt_run.json.dumps(run.settings), encoding="utf-8")
    worker.signal(silt_run.signal.SIGHUP)
    worker.wait_status(lambda _: worker.lines("reloaded"))
    assert worker.lines("reloaded")[0]["max_reject_ratio"] == 0.1
    assert [line["option"] for line in worker.lines("reload_needs_restart")] == ["archive.max_records"]
    ledgers.fill(ledger_options(records=4000, bad_ratio=0.5, seed=2))
    worker.wait_status(lambda status: status["partitions_halted"])
    run.config.write_text("archive: {codek: zstd}", encoding="utf-8")
    worker.signal(silt_run.signal.SIGHUP)
    worker.wait_status(lambda _: worker.lines("reload_failed"))
    assert "archive.codec" in worker.lines("reload_failed")[0]["msg"]
    run.stop()


# --- stopping ------------------------------------------------------------------------------------


def test_sigterm_commits_what_is_in_hand_and_a_restart_goes_on(
    run_silt, ledger_options, bucket, topic, brokers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=5000))
    root = f"s3://{bucket}/archive"
    run = run_silt(root, [topic], archive={"max_age": NEVER})
    worker = run.start()
    worker.wait_status(fetched)
    assert not run.durable(topic), "a window was closed early"
    worker.terminate()
    assert_books(assert_clean(root, ledger), ledger)
    tails = run.durable(topic)
    assert committed_offsets(brokers, run.settings["kafka"]["group"], topic) == tails
    ledger.merge(ledgers.fill(ledger_options(records=5000, seed=2)))
    again = run.start()
    again.wait_status(fetched)
    again.terminate()
    assert_books(assert_clean(root, ledger), ledger)
    assert all(run.durable(topic)[p] > tails[p] for p in tails)


# --- topics that change --------------------------------------------------------------------------


def test_partitions_added_while_it_runs_are_archived(
    run_silt, ledger_options, bucket, topic, brokers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=2000, partitions=2))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], kafka={"properties": QUICK_METADATA})
    run.start()
    run.wait_archived(ledger)
    client = admin.AdminClient({"bootstrap.servers": brokers})
    client.create_partitions([admin.NewPartitions(topic, 5)])[topic].result(30)
    ledger.merge(ledgers.fill(ledger_options(records=2000, partitions=5, seed=2)))
    run.wait_archived(ledger)
    run.stop()
    assert sorted(run.durable(topic)) == [0, 1, 2, 3, 4]
    assert_books(assert_clean(root, ledger), ledger)


def test_a_new_topic_that_matches_the_expression_is_archived(
    run_silt, ledger_options, bucket, topic, assert_clean
):
    first = ledgers.fill(ledger_options(records=1000, topic=f"{topic}.a"))
    root = f"s3://{bucket}"
    run = run_silt(root, [f"^{topic}\\..*"], kafka={"properties": QUICK_METADATA, "group": topic})
    run.start()
    run.wait_archived(first)
    second = ledgers.fill(ledger_options(records=1000, topic=f"{topic}.b"))
    run.wait_archived(second)
    run.stop()
    assert_clean(root, first, second)


@pytest.mark.parametrize("more", [3000, 500], ids=["longer", "shorter"])
def test_a_topic_made_again_begins_a_new_chain(
    run_silt, ledger_options, bucket, topic, brokers, assert_clean, more
):
    """Longer than the old one it can be read on where that ended, as if nothing had happened."""
    old = ledgers.fill(ledger_options(records=2000))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], kafka={"properties": QUICK_METADATA})
    run.start()
    run.wait_archived(old)
    client = admin.AdminClient({"bootstrap.servers": brokers})
    client.delete_topics([topic])[topic].result(30)
    while topic in client.list_topics(timeout=10).topics:
        pass
    new = ledgers.fill(ledger_options(records=more, seed=2))
    assert new.topic_id != old.topic_id
    run.wait_archived(new)
    run.stop()
    summary = assert_clean(root, old, new)
    good = records.kind_name(records.GOOD)
    assert summary["records"] == old.counts()[good] + new.counts()[good]
    found = manifests(run, topic)
    assert {m["topic_id"] for m in found} == {old.topic_id, new.topic_id}
    assert {m["kind"] for m in found} == {"data"}


# --- Kafka loses records -------------------------------------------------------------------------


def test_what_retention_took_is_booked_as_a_gap(
    run_silt, ledger_options, bucket, topic, brokers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=2000))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic])
    run.start()
    run.wait_archived(ledger)
    run.stop()
    tails = run.durable(topic)
    ledger.merge(ledgers.fill(ledger_options(records=4000, seed=2)))
    kept = delete_records(brokers, topic, {p: tail + 300 for p, tail in tails.items()})
    for partition, tail in tails.items():
        ledger.forget(partition, tail, kept[partition])
    worker = run.start()
    run.wait_archived(ledger)
    run.stop()
    gaps = {m["partition"]: (m["start"], m["next"]) for m in manifests(run, topic, "gap")}
    assert gaps == {p: (tail, kept[p]) for p, tail in tails.items()}
    told = {line["partition"]: line for line in worker.lines("gap")}
    assert sorted(told) == sorted(tails)
    assert all(f"offsets {tails[p]} to {kept[p] - 1} " in told[p]["msg"] for p in tails)
    summary = assert_clean(root, ledger)
    assert summary["gaps"] == 300 * len(tails)
    assert_books(summary, ledger)


# --- the schema registry -------------------------------------------------------------------------


class Forwarder:
    """A TCP port that leads to another one, from start() on; before that it is closed."""

    def __init__(self, url):
        self.target = urllib.parse.urlsplit(url)
        self.port = silt_run.free_port()
        self.url = self.target._replace(netloc=f"127.0.0.1:{self.port}").geturl()
        self.loop = asyncio.new_event_loop()

    def start(self):
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        self.loop.create_task(asyncio.start_server(self._serve, "127.0.0.1", self.port))
        self.loop.run_forever()

    async def _serve(self, reader, writer):
        back = await asyncio.open_connection(self.target.hostname, self.target.port)
        await asyncio.gather(self._copy(reader, back[1]), self._copy(back[0], writer))

    @staticmethod
    async def _copy(reader, writer):
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()


def test_records_wait_for_a_registry_that_is_down(
    run_silt, ledger_options, bucket, topic, registry, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=2000))
    forwarder = Forwarder(registry)
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], schema={"registry": forwarder.url}, archive={"max_age": "500ms"})
    worker = run.start()
    held = "paused:schema"
    status = worker.wait_status(lambda s: [p["state"] for p in s["partitions"]] == [held] * 4)
    assert status["records_rejected"] == 0
    assert not manifests(run, topic)
    forwarder.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


# --- framings and memory -------------------------------------------------------------------------


@pytest.mark.parametrize("framing", ["single_object", "none"])
def test_framings_without_a_registry(
    run_silt, ledger_options, bucket, topic, assert_clean, tmp_path, framing
):
    ledger = ledgers.fill(ledger_options(records=5000, framing=framing, bad_ratio=0.05))
    files = []
    for number, text in enumerate(ledger.schemas.values()):
        files.append(tmp_path / f"{number}.avsc")
        files[-1].write_text(text, encoding="utf-8")
    schema = {"framing": framing, "registry": "", "files": list(map(str, files))}
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], schema=schema)
    run.start()
    run.wait_archived(ledger)
    run.stop()
    assert_books(assert_clean(root, ledger), ledger)


def test_little_memory_is_enough_for_eight_partitions(
    run_silt, ledger_options, bucket, topic, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=150_000, partitions=8))
    root = f"s3://{bucket}"
    run = run_silt(root, [topic], archive={"max_age": NEVER}, memory="48MiB")
    worker = run.start()
    worker.wait_status(fetched, seconds=120)
    worker.terminate()
    assert_books(assert_clean(root, ledger), ledger)
    print(f"peak RSS {worker.peak_rss / (1 << 20):.1f} MiB of a budget of 48 MiB")


# --- a committed upload that is gone -------------------------------------------------------------

NO_COMPLETE = [{"op": "CompleteMultipartUpload", "status": 503}]


def lose_staged_uploads(run, proxy, topic, bucket, servers, choose):
    """Slot 0 is committed, then the worker dies, and chosen ones of its uploads are aborted."""
    proxy.rules(NO_COMPLETE)
    worker = run.start()
    worker.wait_status(lambda _: run.durable(topic))
    worker.kill()
    [slot] = manifests(run, topic)
    assert not run.store().list("data/")
    files = choose(slot["files"])
    for file in files:
        key = run.store().prefix + file["key"]
        servers.s3().abort_multipart_upload(Bucket=bucket, Key=key, UploadId=file["upload"])
    proxy.rules([])
    return slot, [slot["files"].index(file) for file in files]


def wait_collected(run, worker):
    """The killed worker's other uploads belong to slots that are decided by now."""
    worker.wait_status(lambda _: not run.store().uploads(), seconds=30)


def repair_records(run):
    store = run.store()
    keys = [key for key in store.list("_log/") if ".r1.json" in key]
    return {key: silt_run.json.loads(store.get(key)[0]) for key in keys}


def test_a_committed_upload_that_is_gone_is_made_again_from_kafka(
    frail, ledger_options, bucket, topic, proxy, servers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=3000, partitions=1, bad_ratio=0.05))
    slot, gone = lose_staged_uploads(
        frail, proxy, topic, bucket, servers, lambda files: [files[0], files[-1]]
    )
    worker = frail.start()
    frail.wait_archived(ledger)
    wait_collected(frail, worker)
    frail.stop()
    found = repair_records(frail)
    assert [key.rsplit("/", 1)[1] for key in found] == [f"{slot['seq']:016}.f{i}.r1.json" for i in gone]
    assert all(not record["lost"] for record in found.values())
    summary = assert_clean(frail.root, ledger)
    assert summary["repaired"] == len(gone)
    assert_books(summary, ledger)


def test_a_committed_upload_that_kafka_lost_too_is_declared_lost(
    frail, ledger_options, bucket, topic, proxy, servers, brokers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=3000, partitions=1, bad_ratio=0.05))
    slot, gone = lose_staged_uploads(frail, proxy, topic, bucket, servers, lambda files: files)
    kept = delete_records(brokers, topic, {0: -1})[0]
    ledger.forget(0, slot["start"], slot["next"])
    ledger.forget(0, slot["next"], kept)
    frail.start()
    ledger.merge(ledgers.fill(ledger_options(records=1000, partitions=1, seed=2)))
    frail.wait_archived(ledger)
    wait_collected(frail, frail.workers[-1])
    frail.stop()
    found = repair_records(frail)
    assert len(found) == len(gone) and all(record["lost"] for record in found.values())
    summary = assert_clean(frail.root, ledger, allow_lost=True)
    assert summary["lost"] == slot["records"] + slot["rejected"]
