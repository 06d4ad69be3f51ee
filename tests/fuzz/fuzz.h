/* What the fuzz targets share: one function a file, that libFuzzer calls for ever (./dev fuzz) and
 * replay.c calls for every file of the corpus (unit tests).
 *
 * A target reads what it needs from the front of the bytes; when they are used up it reads zeros,
 * so every input means something. It keeps nothing from one call to the next that could change a
 * result. A broken promise ends the process: that is the finding.
 */
#ifndef SILT_TEST_FUZZ_H
#define SILT_TEST_FUZZ_H

#include "base/buf.h"
#include "base/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(cond) SILT_ASSERT(cond)

struct fuzz_in {
    const uint8_t *at;
    size_t left;
};

static inline struct fuzz_in fuzz_in(const uint8_t *data, size_t size)
{
    return (struct fuzz_in){.at = data, .left = size};
}

static inline bool fuzz_more(const struct fuzz_in *in)
{
    return in->left > 0;
}

static inline uint8_t fuzz_byte(struct fuzz_in *in)
{
    if (in->left == 0) return 0;
    in->left--;
    return *in->at++;
}

static inline unsigned fuzz_below(struct fuzz_in *in, unsigned n)
{
    return fuzz_byte(in) % n;
}

static inline bool fuzz_one_in(struct fuzz_in *in, unsigned n)
{
    return fuzz_byte(in) % n == n - 1;
}

static inline uint64_t fuzz_bits(struct fuzz_in *in, unsigned bytes)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < bytes; i++) value = value << 8 | fuzz_byte(in);
    return value;
}

static inline int64_t fuzz_long(struct fuzz_in *in)
{
    return (int64_t)fuzz_bits(in, 8);
}

/* At most `max` of the next bytes, as a view. */
static inline struct silt_slice fuzz_slice(struct fuzz_in *in, size_t max)
{
    struct silt_slice slice = silt_slice_of(in->at, in->left < max ? in->left : max);
    if (slice.len) in->at += slice.len;
    in->left -= slice.len;
    return slice;
}

static inline struct silt_slice fuzz_rest(struct fuzz_in *in)
{
    return fuzz_slice(in, in->left);
}

/* A C string up to a 0 byte, at most room - 1 bytes. */
static inline void fuzz_text(struct fuzz_in *in, char *ret_text, size_t room)
{
    size_t len = 0;
    while (fuzz_more(in) && len + 1 < room) {
        char c = (char)fuzz_byte(in);
        if (!c) break;
        ret_text[len++] = c;
    }
    ret_text[len] = '\0';
}

#endif
