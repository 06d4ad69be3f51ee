/* Copies of rejected records for a Kafka topic (option dlq.topic), beside the archive's own
 * rejects, which stay the truth.
 *
 *   rejected ─add─▶ held with its window ─slot won─▶ waiting ─▶ librdkafka ─▶ delivered
 *                        └─window given up: forgotten    └─ no room, refused, too late: dropped
 *
 * So a window that is read again sends nothing twice, and a crash between the slot's commit and the
 * delivery loses what was not delivered. Nothing here waits or holds anything up: copies beyond the
 * limit, and those that Kafka did not take in five minutes, are dropped, counted, and told of once
 * a minute. Records of the dead letter topic itself make no letters. Lives on the consume thread;
 * all calls take NULL for a worker without letters.
 */
#ifndef SILT_PIPELINE_DEAD_LETTERS_H
#define SILT_PIPELINE_DEAD_LETTERS_H

#include "consume/letter.h"
#include "decode/decoder.h"
#include "pipeline/worker.h"

struct silt_dead_letters;

struct silt_letter_list {
    struct silt_letter *first; /* oldest */
    struct silt_letter *last;
};

int64_t silt_dead_letters_bytes_max(const struct silt_worker_opts *opts); /* 0 without a topic */
/* @return NULL in *ret_letters without a topic. */
SILT_RC silt_dead_letters_new(const struct silt_worker_opts *opts,
                              struct silt_dead_letters **ret_letters, struct silt_err *err);
void silt_dead_letters_add(struct silt_dead_letters *letters, struct silt_letter_list *list,
                           const char *topic, const struct silt_record *rec,
                           const struct silt_decoded *decoded);
/* Both empty the list. */
void silt_dead_letters_send(struct silt_dead_letters *letters, struct silt_letter_list *list);
void silt_dead_letters_forget(struct silt_dead_letters *letters, struct silt_letter_list *list);
void silt_dead_letters_tick(struct silt_dead_letters *letters, int64_t now_ms);
/* Waits at most wait_ms for what was sent, says what is left, and frees. */
void silt_dead_letters_close(struct silt_dead_letters *letters, int64_t wait_ms);

#endif
