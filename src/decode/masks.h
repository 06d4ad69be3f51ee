/* Fields whose values must not reach the archive: dropped, or hashed.
 *
 * A dropped value, of whatever type, is replaced by an empty one of its type: null where the schema
 * allows it, else "", 0, false, no items, the first symbol. A hashed string or bytes value is
 * replaced by its HMAC-SHA-256 under the operator's secret (a string: in hex), so that equal values
 * can still be told to be equal. The schema stays true of what is archived, and so does the framing
 * before it: readers and a replay need to know nothing.
 *
 * A path leads through records, unions, arrays and maps (into each item); it is no word about
 * schemas that do not have it. What cannot be hashed makes its schema unusable, so that nothing
 * slips through. Pure; the set is immutable, a masker has one user.
 */
#ifndef SILT_DECODE_MASKS_H
#define SILT_DECODE_MASKS_H

#include "base/buf.h"
#include "base/err.h"
#include "base/secret.h"

#include <stdbool.h>

#define SILT_MASK_SECRET_MIN 16u /* characters */

enum silt_mask { SILT_MASK_NONE, SILT_MASK_DROP, SILT_MASK_HASH };

struct silt_mask_opts {
    const char *const *drop; /* paths */
    unsigned drop_n;
    const char *const *hash;
    unsigned hash_n;
    struct silt_secret secret; /* with hash: at least SILT_MASK_SECRET_MIN */
};

struct silt_masks;

/* Copies. *ret_masks is NULL when there is no path. Failure: CONFIG, names the option. */
SILT_RC silt_masks_new(const struct silt_mask_opts *opts, struct silt_masks **ret_masks,
                       struct silt_err *err);
void silt_masks_free(struct silt_masks *masks); /* NULL is fine */

unsigned silt_masks_n(const struct silt_masks *masks);
const char *silt_masks_path(const struct silt_masks *masks, unsigned i);

/* What is done to the field of exactly this path. */
enum silt_mask silt_masks_at(const struct silt_masks *masks, const char *path);
/* Some path goes through this one or ends here. */
bool silt_masks_reach(const struct silt_masks *masks, const char *path);

/* One value being written anew while it is walked, front to back. */
struct silt_masker {
    const struct silt_masks *masks; /* borrowed */
    struct silt_buf out;
    const uint8_t *copied; /* what lies before it in the body is in `out` */
    bool overflowed;
};

/* bytes_max: of the new value. */
void silt_masker_init(struct silt_masker *masker, const struct silt_masks *masks, size_t bytes_max);
void silt_masker_done(struct silt_masker *masker);

void silt_masker_begin(struct silt_masker *masker, struct silt_slice body);
/* The bytes from `from` to before `to` give way to others, or to the datum of the hash of
 * `content`. */
void silt_masker_put(struct silt_masker *masker, const uint8_t *from, const uint8_t *to,
                     struct silt_slice bytes);
void silt_masker_hash(struct silt_masker *masker, const uint8_t *from, const uint8_t *to,
                      struct silt_slice content, bool is_text);
/* @return false when it is larger than bytes_max. ret_body: valid until the next begin; the body
 * itself when nothing gave way. */
bool silt_masker_end(struct silt_masker *masker, struct silt_slice body,
                     struct silt_slice *ret_body);

#endif
