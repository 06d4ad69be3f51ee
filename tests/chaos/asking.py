"""Administration of Kafka from a process of its own.

librdkafka's admin requests can end the process by an assertion (rd_kafka_enq_once_del_source_return,
seen with 2.16.0) when the broker they are sent to dies; a conductor must outlive that.
"""

import multiprocessing

import confluent_kafka
from confluent_kafka import admin

import ledger as ledgers

QUIET = {"log_level": 0}
_CONTEXT = multiprocessing.get_context("forkserver")
_CONTEXT.set_forkserver_preload(["confluent_kafka.admin", "ledger"])


class Refused(Exception):
    """Kafka said no, or did not answer."""


def ask(brokers, function, *arguments, seconds=90):
    """function(client, *arguments) of this module, somewhere safe."""
    ours, theirs = _CONTEXT.Pipe()
    process = _CONTEXT.Process(target=_answer, args=(theirs, brokers, function, arguments), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            raise Refused(f"{function.__name__}: no answer in {seconds} s")
        good, answer = ours.recv()
    except EOFError as error:
        raise Refused(f"{function.__name__}: the client library gave up") from error
    finally:
        process.kill()
        process.join()
        ours.close()
    if not good:
        raise Refused(f"{function.__name__}: {answer}")
    return answer


def _answer(pipe, brokers, function, arguments):
    client = admin.AdminClient({"bootstrap.servers": brokers, **QUIET})
    try:
        pipe.send((True, function(client, *arguments)))
    except (confluent_kafka.KafkaException, TimeoutError) as error:
        pipe.send((False, str(error)))


def _wait(futures, seconds=30):
    return {key: future.result(seconds) for key, future in futures.items()}


def create_topic(client, topic, partitions, layout):
    """One that is there already is ours: an answer got lost."""
    try:
        _wait(client.create_topics([admin.NewTopic(topic, partitions, **layout)]))
    except confluent_kafka.KafkaException as error:
        if error.args[0].code() != confluent_kafka.KafkaError.TOPIC_ALREADY_EXISTS:
            raise


def delete_topic(client, topic):
    """One that is not there was deleted by us: an answer got lost."""
    try:
        _wait(client.delete_topics([topic]))
    except confluent_kafka.KafkaException as error:
        if error.args[0].code() != confluent_kafka.KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise


def add_partitions(client, topic, count):
    _wait(client.create_partitions([admin.NewPartitions(topic, count)]))


def topic_id(client, topic):
    return ledgers.topic_id_of(client, topic)


def delete_records(client, topic, offsets):
    """partition -> its first offset now"""
    wanted = [confluent_kafka.TopicPartition(topic, p, o) for p, o in offsets.items()]
    return {part.partition: found.low_watermark for part, found in _wait(client.delete_records(wanted)).items()}


def elect_preferred(client, partitions):
    wanted = [confluent_kafka.TopicPartition(*partition) for partition in partitions]
    client.elect_leaders(admin._ElectionType.PREFERRED, wanted).result(30)


def group_state(client, group):
    """(node of its coordinator, number of members)"""
    found = _wait(client.describe_consumer_groups([group], request_timeout=10))[group]
    return found.coordinator.id, len(found.members)


def delete_group(client, group):
    _wait(client.delete_consumer_groups([group]))


def set_offsets(client, group, topic, partitions, offset):
    parts = [confluent_kafka.TopicPartition(topic, p, offset) for p in range(partitions)]
    _wait(client.alter_consumer_group_offsets([confluent_kafka.ConsumerGroupTopicPartitions(group, parts)]))
