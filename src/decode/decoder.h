/* From wire bytes to (schema, body): the three framings, the schema cache, validation.
 *
 * confluent:      00, 4-byte big-endian schema id, body (Confluent wire format)
 * single_object:  C3 01, 8-byte little-endian CRC-64-AVRO of the schema, body (Avro specification)
 * none:           the body alone, one schema from a file
 *
 * A registry that cannot be asked is not a bad record: decode says WANT_SCHEMA, the caller holds
 * the partition, and the decoder's registry client answers through `reply_to`. Ids the registry
 * says it does not know (404, 40403) are remembered for a while (negative cache) and the record is
 * rejected as unknown_schema. Caches are bounded. One thread (consume); the registry's replies come
 * through the queue like the store's.
 */
#ifndef SILT_DECODE_DECODER_H
#define SILT_DECODE_DECODER_H

#include "base/err.h"
#include "base/queue.h"
#include "base/secret.h"
#include "decode/masks.h"
#include "decode/schema.h"
#include "record/record.h"

struct silt_http;
struct silt_decoder;

enum silt_framing { SILT_FRAMING_CONFLUENT, SILT_FRAMING_SINGLE_OBJECT, SILT_FRAMING_NONE };

struct silt_decoder_opts {
    enum silt_framing framing;
    const char *const
        *schema_files; /* single_object: known schemas; none: exactly one; confluent: unused */
    unsigned schema_files_n;
    const char *reader_file; /* schema that must be able to read every writer's; NULL or "": none */
    const char *registry_url; /* confluent; may have a path; several separated by commas */
    const char *registry_user;
    struct silt_secret registry_password;
    const char *ca_file;
    silt_schema_prepare_fn *prepare; /* NULL: none */
    const char *sensor_id_field;
    const char *time_field;
    const char *const *rule_paths; /* decode/rules.h */
    const char *const *rule_texts;
    unsigned rules_n;
    struct silt_mask_opts masks; /* decode/masks.h */
    int64_t time_max_age_ms;     /* of time_field before Kafka's timestamp; 0: any */
    int64_t time_max_future_ms;  /* … and after it; 0: any */
    uint32_t value_max;          /* bytes; larger values are rejected as too_large */
    unsigned cache_max;          /* schemas kept, least recently used goes first; 0 = 1000 */
    int64_t negative_ms;         /* how long an unknown id stays unknown; 0 = 60 s */
    struct silt_http *http;      /* for the registry; may be NULL without one */
    struct silt_queue *reply_to; /* registry replies: pop, then silt_decoder_reply() */
};

SILT_RC silt_decoder_new(const struct silt_decoder_opts *opts, struct silt_decoder **ret_decoder,
                         struct silt_err *err);
/* Waits for open registry requests (they come back at once when the io loop has been stopped). */
void silt_decoder_free(struct silt_decoder *decoder);

enum silt_decode_status { SILT_DECODE_OK, SILT_DECODE_REJECT, SILT_DECODE_WANT_SCHEMA };

struct silt_decoded {
    struct silt_schema
        *schema; /* borrowed from the cache, valid until the next call; NULL when not known */
    struct silt_slice framing;   /* the framing bytes of the value */
    struct silt_slice body;      /* the rest, as it may be archived: valid until the next call */
    bool withheld;               /* a reject whose value must not be: nobody knows what is in it */
    struct silt_verdict verdict; /* reason, position, sensor id, time */
    int32_t schema_id;           /* SILT_NO_SCHEMA_ID: none */
    char detail[120];            /* rejects: for people, with positions, never content */
};

/* Tombstones (value_null) are not for here. WANT_SCHEMA starts the look-up (once for each id), at
 * its own pace: at most 50 at once and 50 a second, none during a pause after failures, 256 open.
 * The caller tries what it holds again after each reply. */
enum silt_decode_status silt_decoder_decode(struct silt_decoder *decoder,
                                            const struct silt_record *rec,
                                            struct silt_decoded *ret_decoded);

/* Makes a reject of a record that was decoded, as if its schema were not known: for whoever judges
 * it again as it was judged before somebody registered the schema. */
void silt_decoder_reject_unknown(const struct silt_decoder *decoder, struct silt_decoded *decoded);

/* A registry reply popped from reply_to is a `struct silt_decoder_reply`, handed back here;
 * afterwards records that wanted the schema can be decoded again (or, while the registry is down,
 * want it again after the wait).
 * @return the time (silt_mono_ms) before which asking again is useless: 0 when it was answered. */
struct silt_decoder_reply;
int64_t silt_decoder_reply(struct silt_decoder *decoder, struct silt_decoder_reply *reply);

/* Waiting look-up for start-up, repair and commands: one attempt, the error's action says whether
 * another makes sense. Without a registry only SILT_NO_SCHEMA_ID of framing none is known. The
 * caller owns a reference (silt_schema_unref). */
SILT_RC silt_decoder_fetch(struct silt_decoder *decoder, int32_t schema_id,
                           struct silt_schema **ret_schema, struct silt_err *err);

/* Waiting look-up for commands: the schema id that the registry has as the newest of a subject.
 * NOT_FOUND: it does not know the subject. UNSUPPORTED: there is no registry. */
SILT_RC silt_decoder_latest(struct silt_decoder *decoder, const char *subject, int32_t *ret_id,
                            struct silt_err *err);

struct silt_decoder_stats {
    uint64_t registry_requests;
    uint64_t registry_failures;
    uint64_t cached;
    enum silt_code last_code; /* of the last failure */
    char last_failure[160];
};
void silt_decoder_stats(const struct silt_decoder *decoder, struct silt_decoder_stats *ret);

#endif
