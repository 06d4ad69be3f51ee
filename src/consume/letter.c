#include "consume/letter.h"

#include "base/alloc.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define OURS_N 9

/* The texts behind our headers' values. */
struct words {
    char partition[12];
    char offset[24];
    char exception[64];
};

static struct silt_header header(const char *key, const char *value)
{
    return (struct silt_header){.key = silt_slice_str(key), .value = silt_slice_str(value)};
}

static void describe(const struct silt_record *rec, const struct silt_letter_origin *origin,
                     struct words *words, struct silt_header ret_ours[OURS_N])
{
    snprintf(words->partition, sizeof words->partition, "%" PRId32, rec->partition);
    snprintf(words->offset, sizeof words->offset, "%" PRId64, rec->offset);
    snprintf(words->exception, sizeof words->exception, "silt.%s",
             silt_reason_name(origin->reason));
    const struct silt_header ours[OURS_N] = {
        header("__connect.errors.topic", origin->topic),
        header("__connect.errors.partition", words->partition),
        header("__connect.errors.offset", words->offset),
        header("__connect.errors.connector.name", origin->group),
        header("__connect.errors.task.id", origin->worker),
        header("__connect.errors.stage", "VALUE_CONVERTER"),
        header("__connect.errors.class.name", "silt"),
        header("__connect.errors.exception.class.name", words->exception),
        header("__connect.errors.exception.message", origin->detail),
    };
    memcpy(ret_ours, ours, sizeof ours);
}

static size_t headers_bytes(const struct silt_header *headers, unsigned n)
{
    size_t bytes = 0;
    for (unsigned i = 0; i < n; i++)
        bytes += sizeof *headers + headers[i].key.len + headers[i].value.len;
    return bytes;
}

static struct silt_slice copy(uint8_t **at, struct silt_slice from)
{
    struct silt_slice to = silt_slice_of(*at, from.len);
    if (from.len) memcpy(*at, from.ptr, from.len);
    *at += from.len;
    return to;
}

static void copy_headers(struct silt_header *to, uint8_t **at, const struct silt_header *from,
                         unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        to[i] = (struct silt_header){.key = copy(at, from[i].key),
                                     .value = copy(at, from[i].value),
                                     .value_null = from[i].value_null};
}

struct silt_letter *silt_letter_new(const struct silt_record *rec,
                                    const struct silt_letter_origin *origin)
{
    struct words words;
    struct silt_header ours[OURS_N];
    describe(rec, origin, &words, ours);
    const size_t bytes = sizeof(struct silt_letter) + headers_bytes(rec->headers, rec->headers_n) +
                         headers_bytes(ours, OURS_N) + rec->key.len + rec->value.len;
    struct silt_letter *letter = silt_alloc(bytes);
    struct silt_header *headers = (struct silt_header *)(letter + 1);
    uint8_t *at = (uint8_t *)(headers + rec->headers_n + OURS_N);
    *letter = (struct silt_letter){.bytes = bytes, .rec = *rec};
    copy_headers(headers, &at, rec->headers, rec->headers_n);
    copy_headers(headers + rec->headers_n, &at, ours, OURS_N);
    letter->rec.key = copy(&at, rec->key);
    letter->rec.value = copy(&at, rec->value);
    letter->rec.partition = -1;
    letter->rec.headers = headers;
    letter->rec.headers_n = rec->headers_n + OURS_N;
    return letter;
}
