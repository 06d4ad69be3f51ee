/* Object keys of the archive (protocol section 2), relative to the archive root. Pure.
 *
 *   _format.json
 *   _log/<cluster>/<topic>~<tid8>/<p:05>/<seq:016>.json                 manifest
 *   _log/<cluster>/<topic>~<tid8>/<p:05>/<seq:016>.f<i>.r<k>.json       k-th repair of file i
 *   data/topic=<topic>/dt=YYYY-MM-DD/hh=HH/<tid8>-p<p:05>-s<seq:016>[f<i>r<k>]-o<start:020>-<nonce:16hex>[-role].avro
 *
 * -role is -rejected or -tombstone. Bucketing by day leaves hh= out, no bucketing dt= as well; the
 * mixed bucket is dt=__mixed__/hh=00.
 *
 * Components that come from outside pass an allow-list encoder ([A-Za-z0-9_=-], and a dot behind
 * something that is no dot; every other byte becomes %XX; empty becomes __empty__; of more than 200
 * bytes the first 172 to 174 stay and "-<sha256 of the raw bytes>" takes the rest), so a key never
 * leaves its prefix and holds neither ".." nor '~' from outside. (reliability: path traversal)
 */
#ifndef SILT_RECORD_KEY_H
#define SILT_RECORD_KEY_H

#include "record/topic.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_KEY_MAX 1025 /* S3: at most 1,024 bytes */
#define SILT_NONCE_LEN 17 /* 16 hex digits and the end */

enum silt_bucket_unit { SILT_BUCKET_HOUR, SILT_BUCKET_DAY, SILT_BUCKET_NONE };
const char *silt_bucket_unit_name(enum silt_bucket_unit unit); /* "hour", "day", "none" */
bool silt_bucket_unit_parse(const char *name, enum silt_bucket_unit *ret_unit);

/* The time bucket of a file: hours (or days) since 1970, or one of these. */
#define SILT_BUCKET_MIXED INT64_MIN /* overflow and timestamps outside 1970–2200 */

enum silt_role { SILT_ROLE_DATA, SILT_ROLE_REJECTED, SILT_ROLE_TOMBSTONE };
const char *silt_role_name(enum silt_role role); /* "data", "rejected", "tombstone" */
bool silt_role_parse(const char *name, enum silt_role *ret_role);

/* Encodes one component from outside into text (at most 240 bytes with its end: with "topic=" or
 * "~<tid8>" still a file name). */
#define SILT_COMPONENT_MAX 272
void silt_key_component(const char *raw, char ret_text[SILT_COMPONENT_MAX]);

void silt_key_log_prefix(const struct silt_tp *tp, char ret_key[SILT_KEY_MAX]); /* ends with '/' */
void silt_key_slot(const char *log_prefix, int64_t seq, char ret_key[SILT_KEY_MAX]); /* manifest */
void silt_key_manifest(const struct silt_tp *tp, int64_t seq, char ret_key[SILT_KEY_MAX]);
void silt_key_repair(const struct silt_tp *tp, int64_t seq, unsigned file, unsigned k,
                     char ret_key[SILT_KEY_MAX]);

struct silt_data_key {
    enum silt_bucket_unit unit;
    int64_t bucket;
    int64_t seq;
    int64_t start; /* first offset of the window */
    enum silt_role role;
    char nonce[SILT_NONCE_LEN];
    bool is_repair;
    unsigned repair_file;
    unsigned repair_k;
};
void silt_key_data(const struct silt_tp *tp, const struct silt_data_key *data,
                   char ret_key[SILT_KEY_MAX]);

/* What a data key says about itself: enough to find the slot that decides its upload. @return false
 * for a foreign key, which must never be touched. */
struct silt_parsed_key {
    char topic[SILT_COMPONENT_MAX]; /* encoded component */
    char tid8[9];
    int32_t partition;
    int64_t seq;
    int64_t start;
    bool is_repair;
    unsigned repair_file;
    unsigned repair_k;
};
bool silt_key_parse_data(const char *key, struct silt_parsed_key *ret);
/* The seq of a manifest key below its log prefix ("<seq:016>.json"). @return -1 when it is no
 * manifest key. */
int64_t silt_key_parse_seq(const char *name);

/* The bucket of a timestamp; MIXED outside 1970-01-01 … 2200-01-01 and for SILT_NO_TIMESTAMP. */
int64_t silt_bucket_of(int64_t timestamp_ms, enum silt_bucket_unit unit);

#endif
