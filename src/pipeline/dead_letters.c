#include "pipeline/dead_letters.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "consume/producer.h"

#include <stdio.h>
#include <string.h>

#define MEMORY_SHARE 16 /* of the worker's memory */
#define LINGER_MS 50
#define DELIVERY_MS "300000"
#define TELL_MS 60000

struct silt_dead_letters {
    const struct silt_worker_opts *opts;
    struct silt_producer *producer;
    struct silt_letter_list waiting;
    int64_t held; /* bytes of letters that the producer does not have yet */
    int64_t bytes_max;
    uint64_t delivered; /* as of the last look */
    uint64_t failed;
    uint64_t untold; /* dropped, and not told of yet */
    char why[200];   /* the last of them */
    int64_t tell_at_ms;
};

/* ---- life ---- */

int64_t silt_dead_letters_bytes_max(const struct silt_worker_opts *opts)
{
    return opts->dlq_topic && *opts->dlq_topic ? opts->memory / MEMORY_SHARE : 0;
}

/* Without idempotence nothing that happens to the topic ends the producer; a letter may then come
 * twice. */
static SILT_RC open_producer(struct silt_dead_letters *letters, struct silt_err *err)
{
    const struct silt_consumer_opts *kafka = &letters->opts->consumer;
    const unsigned n = kafka->properties_n + 2;
    struct silt_property *properties = silt_calloc(n, sizeof *properties);
    properties[0] = (struct silt_property){"message.timeout.ms", DELIVERY_MS};
    for (unsigned i = 0; i < kafka->properties_n; i++) properties[i + 1] = kafka->properties[i];
    properties[n - 1] = (struct silt_property){"enable.idempotence", "false"};
    struct silt_rc rc =
        silt_producer_new(&(struct silt_producer_opts){.brokers = kafka->brokers,
                                                       .topic = letters->opts->dlq_topic,
                                                       .linger_ms = LINGER_MS,
                                                       .token = kafka->token,
                                                       .properties = properties,
                                                       .properties_n = n},
                          &letters->producer, err);
    silt_free(properties);
    return rc;
}

SILT_RC silt_dead_letters_new(const struct silt_worker_opts *opts,
                              struct silt_dead_letters **ret_letters, struct silt_err *err)
{
    *ret_letters = NULL;
    const int64_t bytes_max = silt_dead_letters_bytes_max(opts);
    if (!bytes_max) return SILT_OK;
    struct silt_dead_letters *letters = SILT_NEW(struct silt_dead_letters);
    letters->opts = opts;
    letters->bytes_max = bytes_max;
    struct silt_rc rc = open_producer(letters, err);
    if (silt_ok(rc))
        *ret_letters = letters;
    else
        silt_free(letters);
    return rc;
}

/* ---- what is dropped ---- */

static void dropped(struct silt_dead_letters *letters, uint64_t n, const char *why)
{
    silt_metrics_add(letters->opts->metrics, SILT_GAUGE_DLQ_DROPPED, (int64_t)n);
    letters->untold += n;
    snprintf(letters->why, sizeof letters->why, "%s", why);
}

static void tell(struct silt_dead_letters *letters, int64_t now_ms)
{
    if (!letters->untold || now_ms < letters->tell_at_ms) return;
    SILT_LOG(WARN, "dlq_dropped", letters->why, SILT_F_STR("topic", letters->opts->dlq_topic),
             SILT_F_INT("records", letters->untold),
             SILT_F_STR("action", "they are in the archive's rejects, but not in this topic"));
    letters->untold = 0;
    letters->tell_at_ms = now_ms + TELL_MS;
}

/* ---- lists ---- */

static struct silt_letter *take_first(struct silt_dead_letters *letters,
                                      struct silt_letter_list *list)
{
    struct silt_letter *letter = list->first;
    if (!letter) return NULL;
    list->first = letter->next;
    letters->held -= (int64_t)letter->bytes;
    return letter;
}

static void append(struct silt_letter_list *list, const struct silt_letter_list *more)
{
    if (!more->first) return;
    if (list->first)
        list->last->next = more->first;
    else
        list->first = more->first;
    list->last = more->last;
}

static int64_t bytes_in_hand(const struct silt_dead_letters *letters)
{
    struct silt_producer_stats stats;
    silt_producer_stats(letters->producer, &stats);
    return letters->held + (int64_t)stats.pending_cost;
}

void silt_dead_letters_add(struct silt_dead_letters *letters, struct silt_letter_list *list,
                           const char *topic, const struct silt_record *rec,
                           const struct silt_decoded *decoded)
{
    if (!letters || strcmp(topic, letters->opts->dlq_topic) == 0) return;
    struct silt_letter *letter =
        silt_letter_new(rec, &(struct silt_letter_origin){.topic = topic,
                                                          .group = letters->opts->consumer.group,
                                                          .worker = letters->opts->name,
                                                          .reason = decoded->verdict.reason,
                                                          .detail = decoded->detail});
    if (bytes_in_hand(letters) + (int64_t)letter->bytes > letters->bytes_max) {
        silt_free(letter);
        dropped(letters, 1, "more rejects than there is memory for, a sixteenth of the worker's");
        return;
    }
    letters->held += (int64_t)letter->bytes;
    append(list, &(struct silt_letter_list){letter, letter});
}

void silt_dead_letters_forget(struct silt_dead_letters *letters, struct silt_letter_list *list)
{
    for (struct silt_letter *letter; (letter = take_first(letters, list));) silt_free(letter);
}

/* ---- sending ---- */

/* The producer's queue may be full: the rest waits. */
static void feed(struct silt_dead_letters *letters)
{
    while (letters->waiting.first) {
        struct silt_err err;
        const struct silt_letter *first = letters->waiting.first;
        if (!silt_ok(silt_producer_offer(letters->producer, &first->rec, first->bytes, &err))) {
            if (err.code == SILT_E_THROTTLED) return;
            dropped(letters, 1, err.text);
        }
        silt_free(take_first(letters, &letters->waiting));
    }
}

void silt_dead_letters_send(struct silt_dead_letters *letters, struct silt_letter_list *list)
{
    if (!letters) return;
    append(&letters->waiting, list);
    *list = (struct silt_letter_list){0};
    feed(letters);
}

static void look_at_deliveries(struct silt_dead_letters *letters)
{
    struct silt_producer_stats stats;
    silt_producer_stats(letters->producer, &stats);
    silt_metrics_add(letters->opts->metrics, SILT_GAUGE_DLQ_SENT,
                     (int64_t)(stats.delivered - letters->delivered));
    if (stats.failed > letters->failed)
        dropped(letters, stats.failed - letters->failed, stats.last_failure);
    letters->delivered = stats.delivered;
    letters->failed = stats.failed;
}

void silt_dead_letters_tick(struct silt_dead_letters *letters, int64_t now_ms)
{
    if (!letters) return;
    silt_producer_poll(letters->producer);
    feed(letters);
    look_at_deliveries(letters);
    tell(letters, now_ms);
}

static uint64_t left_over(struct silt_dead_letters *letters)
{
    struct silt_producer_stats stats;
    silt_producer_stats(letters->producer, &stats);
    uint64_t n = stats.sent - stats.delivered - stats.failed;
    for (struct silt_letter *letter; (letter = take_first(letters, &letters->waiting)); n++)
        silt_free(letter);
    return n;
}

void silt_dead_letters_close(struct silt_dead_letters *letters, int64_t wait_ms)
{
    if (!letters) return;
    struct silt_err err;
    feed(letters);
    (void)silt_ok(silt_producer_flush(letters->producer, wait_ms, &err)); /* counted below */
    look_at_deliveries(letters);
    const uint64_t left = left_over(letters);
    if (left) dropped(letters, left, "the worker ended before they were delivered");
    letters->tell_at_ms = 0;
    tell(letters, silt_mono_ms());
    silt_producer_free(letters->producer);
    silt_free(letters);
}
