/* A dead letter: a rejected record with the reasons in its headers, as Kafka Connect's reporter of
 * dead letters writes them (DeadLetterQueueReporter, Apache Kafka 4.0), so that its tools read it.
 *
 * Key, value, headers and timestamp are the record's own; the headers get more behind them:
 *   __connect.errors.topic, .partition, .offset    where the record is from
 *   __connect.errors.connector.name, .task.id      the consumer group, the worker
 *   __connect.errors.stage                         VALUE_CONVERTER
 *   __connect.errors.class.name                    silt
 *   __connect.errors.exception.class.name          silt.<reason>, a name of record/reason.def
 *   __connect.errors.exception.message             the reason's text for people
 * A letter is one block of memory, its maker's. Pure.
 */
#ifndef SILT_CONSUME_LETTER_H
#define SILT_CONSUME_LETTER_H

#include "record/record.h"

struct silt_letter {
    struct silt_letter *next; /* the owner's */
    size_t bytes;             /* of memory */
    struct silt_record rec;   /* as it is sent: to the partition that its key decides */
};

struct silt_letter_origin {
    const char *topic;
    const char *group;
    const char *worker;
    enum silt_reason reason;
    const char *detail;
};

struct silt_letter *silt_letter_new(const struct silt_record *rec,
                                    const struct silt_letter_origin *origin);

#endif
