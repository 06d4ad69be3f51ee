/* JSON text, written straight into a buffer: for log lines and metric calls, where a tree would
 * only cost. (Reading, and canonical documents, go through jansson.) Invalid UTF-8 and control
 * bytes come out escaped, so that a line stays one line. The caller keeps the structure right;
 * commas are set here.
 */
#ifndef SILT_BASE_JSONW_H
#define SILT_BASE_JSONW_H

#include "base/buf.h"

#include <stdbool.h>
#include <stdint.h>

struct silt_jsonw {
    struct silt_buf *buf; /* not owned */
    bool comma;           /* the next value needs one before it */
};

void silt_jsonw_init(struct silt_jsonw *w, struct silt_buf *buf);
void silt_jsonw_open(struct silt_jsonw *w, char bracket);  /* '{' or '[' */
void silt_jsonw_close(struct silt_jsonw *w, char bracket); /* '}' or ']' */
void silt_jsonw_key(struct silt_jsonw *w, const char *key);
void silt_jsonw_str(struct silt_jsonw *w, const char *value); /* NULL writes null */
void silt_jsonw_bytes(struct silt_jsonw *w, struct silt_slice value);
void silt_jsonw_int(struct silt_jsonw *w, int64_t value);
void silt_jsonw_uint(struct silt_jsonw *w, uint64_t value);
void silt_jsonw_double(struct silt_jsonw *w, double value); /* null when not finite */
void silt_jsonw_bool(struct silt_jsonw *w, bool value);
void silt_jsonw_null(struct silt_jsonw *w);
void silt_jsonw_raw(struct silt_jsonw *w, const char *json); /* a finished value */

/* key and value in one call */
void silt_jsonw_kstr(struct silt_jsonw *w, const char *key, const char *value);
void silt_jsonw_kint(struct silt_jsonw *w, const char *key, int64_t value);
void silt_jsonw_kuint(struct silt_jsonw *w, const char *key, uint64_t value);
void silt_jsonw_kdouble(struct silt_jsonw *w, const char *key, double value);
void silt_jsonw_kbool(struct silt_jsonw *w, const char *key, bool value);

/* Length of the valid UTF-8 sequence at `at`, 0 when there is none (RFC 3629: no overlong forms, no
 * surrogates). */
unsigned silt_utf8_sequence(const uint8_t *at, size_t len);

#endif
