"""`silt replay`: a stretch of Kafka into another root, exactly once, with the live archive left alone."""

import json
import signal
import subprocess
import time

import confluent_kafka
import pytest

import ledger as ledgers
import stores
from test_lifecycle import committed_offsets, delete_records


class Replays:
    """Runs the command against the configuration of a live archive, into a root of its own."""

    def __init__(self, run, topic, bucket):
        self.run, self.topic = run, topic
        self.root = f"s3://{bucket}/again"

    def command(self, *words):
        command = [self.run.binary, "replay", "--config", self.run.config, "--topic", self.topic]
        return [*command, "--into", self.root, *words]

    def start(self, *words):
        return subprocess.Popen(self.command(*words), env=self.run.environment, stderr=subprocess.PIPE, text=True)

    def do(self, *words):
        ran = subprocess.run(
            self.command(*words), env=self.run.environment, capture_output=True, text=True, timeout=120, check=False
        )
        return ran.returncode, ran.stdout, ran.stderr

    def manifests(self):
        servers = self.run.servers
        store = stores.open_store(self.root, servers.get("S3_ENDPOINT"), servers.access_key, servers.secret_key)
        keys = [key for key in store.list("_log/") if f"/{self.topic}~" in key]
        return [json.loads(store.get(key)[0]) for key in keys]

    def records(self):
        """What is there, as `silt cat` has it: data and tombstones."""
        command = [self.run.binary, "cat", "--config", self.run.config, f"--archive.root={self.root}"]
        ran = subprocess.run(command, env=self.run.environment, capture_output=True, text=True, timeout=60, check=True)
        return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture(name="again")
def fixture_again(run_silt, bucket, topic):
    run = run_silt(f"s3://{bucket}/archive", [topic], archive={"max_records": 500})
    return Replays(run, topic, bucket)


def utc(milliseconds):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(milliseconds // 1000))


def set_offset(brokers, group, topic, offset):
    """As `kafka-consumer-groups --reset-offsets` does it."""
    client = confluent_kafka.admin.AdminClient({"bootstrap.servers": brokers})
    part = confluent_kafka.TopicPartition(topic, 0, offset)
    request = confluent_kafka.ConsumerGroupTopicPartitions(group, [part])
    client.alter_consumer_group_offsets([request])[group].result(30)


def contents(run):
    store = run.store()
    return {key: store.get(key)[0] for prefix in ("_log/", "data/") for key in store.list(prefix)}


def test_a_whole_topic_is_archived_again_and_the_live_archive_stays(
    again, ledger_options, topic, brokers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=6000, partitions=3, bad_ratio=0.05))
    again.run.start()
    again.run.wait_archived(ledger)
    again.run.stop()
    live = contents(again.run)
    offsets = committed_offsets(brokers, f"silt-{topic}", topic)
    code, out, err = again.do()
    assert code == 0, err
    assert "3 partitions" in out
    summary = assert_clean(again.root, ledger)
    assert summary["gaps"] == 0
    assert contents(again.run) == live
    assert committed_offsets(brokers, f"silt-{topic}", topic) == offsets
    groups = confluent_kafka.admin.AdminClient({"bootstrap.servers": brokers}).list_consumer_groups()
    assert "silt-no-group" not in [group.group_id for group in groups.result(30).valid]
    slots = len(again.manifests())
    assert again.do()[0] == 0 and len(again.manifests()) == slots


def test_a_stretch_by_offsets_is_exactly_that_stretch(again, ledger_options):
    ledgers.fill(ledger_options(records=1500, partitions=2, bad_ratio=0, transactional=0))
    words = ("--partition", "1", "--from-offset", "100", "--to-offset", "399")
    code, out, _ = again.do(*words, "--dry-run", "--json")
    plan = json.loads(out)
    assert code == 0 and not again.manifests()
    assert (plan["partition"], plan["first"], plan["last"], plan["done"]) == (1, 100, 399, 0)
    assert again.do(*words)[0] == 0
    slots = again.manifests()
    assert {slot["partition"] for slot in slots} == {1}
    assert (slots[0]["start"], slots[-1]["next"]) == (100, 400)
    assert [record["offset"] for record in again.records()] == list(range(100, 400))
    assert again.do("--partition", "1", "--to-offset", "449")[0] == 0
    assert again.manifests()[-1]["next"] == 450
    code, _, err = again.do("--partition", "1", "--from-offset", "50")
    assert code == 1 and "from offset 100 on, and not from 50" in err


def test_a_stretch_by_times_is_exactly_that_stretch(again, topic, brokers):
    ledgers.create_topic(brokers, topic, 1)
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers})
    base = 1000 * (int(time.time()) - 3600)
    for number in range(200):
        producer.produce(topic, value=None, key=b"k", partition=0, timestamp=base + 1000 * number)
    assert producer.flush(60) == 0
    code, _, err = again.do("--from-time", utc(base + 50_000), "--to-time", utc(base + 100_000))
    assert code == 0, err
    found = [record["timestamp"] for record in again.records()]
    assert found == [base + 1000 * number for number in range(50, 100)]
    code, _, err = again.do("--from-time", utc(base))
    assert code == 1 and "and not from" in err


def test_a_killed_replay_goes_on_where_it_was(again, ledger_options, assert_clean):
    ledger = ledgers.fill(ledger_options(records=6000, partitions=2, bad_ratio=0.02))
    again.run.settings["archive"]["max_records"] = 100
    again.run.config.write_text(json.dumps(again.run.settings), encoding="utf-8")
    for number in range(4):
        process = again.start()
        deadline, before = time.monotonic() + 60, len(again.manifests())
        while process.poll() is None and len(again.manifests()) <= before + 5 and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL if number % 2 else signal.SIGTERM)
        code = process.wait(60)
        process.stderr.close()
        assert code in (0, 1, -signal.SIGKILL)
    code, _, err = again.do()
    assert code == 0, err
    assert_clean(again.root, ledger)


def test_what_retention_has_taken_is_refused_and_named(again, ledger_options, topic, brokers):
    ledgers.fill(ledger_options(records=1000, partitions=2, bad_ratio=0, transactional=0))
    kept = delete_records(brokers, topic, {0: 100, 1: 200})
    code, _, err = again.do("--from-offset", "50")
    assert code == 1 and not again.manifests()
    assert f"[0] 50 to {kept[0] - 1}, [1] 50 to {kept[1] - 1};" in err
    assert again.do("--from-offset", "200")[0] == 0
    assert {m["start"] for m in again.manifests() if m["seq"] == 0} == {200}
    delete_records(brokers, topic, {0: -1, 1: -1})
    assert again.do("--from-offset", "200")[0] == 0  # it is all there already


def test_an_offset_that_is_reset_by_hand_changes_nothing_and_run_says_so(
    again, ledger_options, topic, brokers, assert_clean
):
    ledger = ledgers.fill(ledger_options(records=1000, partitions=1, bad_ratio=0))
    worker = again.run.start()
    again.run.wait_archived(ledger)
    again.run.stop()
    assert not worker.lines("offset_set_by_hand")
    end = again.run.durable(topic)[0]
    set_offset(brokers, f"silt-{topic}", topic, 10)
    worker = again.run.start()
    worker.wait_status(lambda _: worker.lines("offset_set_by_hand"))
    [line] = worker.lines("offset_set_by_hand")
    assert f"set to 10, not by silt; that changes nothing: archiving goes on at {end}" in line["msg"]
    assert "silt replay" in line["hint"]
    again.run.stop()
    assert again.run.durable(topic)[0] == end
    assert_clean(again.run.root, ledger)


def test_what_makes_no_sense_is_refused(again, ledger_options, bucket):
    ledgers.fill(ledger_options(records=10, partitions=1))
    again.root = f"s3://{bucket}/archive/"
    code, _, err = again.do()
    assert code == 2 and "is archive.root" in err
    again.root = f"s3://{bucket}/again"
    code, _, err = again.do("--partition", "7")
    assert code == 1 and "has no partition 7" in err
