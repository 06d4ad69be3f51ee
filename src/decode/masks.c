#include "decode/masks.h"

#include "base/alloc.h"
#include "base/hash.h"
#include "base/random.h"
#include "field_path_int.h"

#include <string.h>

struct masked {
    char *path;
    enum silt_mask how;
};

struct silt_masks {
    struct masked *masked;
    unsigned n;
    struct silt_secret secret;
};

/* ---- the set ---- */

static const char *option_of(enum silt_mask how)
{
    return how == SILT_MASK_DROP ? "privacy.drop" : "privacy.hash";
}

/* Within a field that goes whole there is nothing left to do. */
static SILT_RC add(struct silt_masks *masks, const char *path, enum silt_mask how,
                   struct silt_err *err)
{
    const char *option = option_of(how);
    if (!*path || strlen(path) >= SILT_FIELD_PATH_MAX)
        SILT_FAIL(err, CONFIG, "%s: \"%.40s\" is no path of a field, such as owner.email", option,
                  path);
    for (unsigned i = 0; i < masks->n; i++) {
        const struct masked *other = &masks->masked[i];
        if (silt_field_path_leads(other->path, path) || silt_field_path_leads(path, other->path))
            SILT_FAIL(err, CONFIG, "%s: %s and %s of %s are one inside the other; keep one", option,
                      path, other->path, option_of(other->how));
    }
    masks->masked[masks->n++] = (struct masked){.path = silt_strdup(path), .how = how};
    return SILT_OK;
}

static SILT_RC add_all(struct silt_masks *masks, const struct silt_mask_opts *opts,
                       struct silt_err *err)
{
    for (unsigned i = 0; i < opts->drop_n; i++)
        SILT_TRY(add(masks, opts->drop[i], SILT_MASK_DROP, err));
    for (unsigned i = 0; i < opts->hash_n; i++)
        SILT_TRY(add(masks, opts->hash[i], SILT_MASK_HASH, err));
    return SILT_OK;
}

SILT_RC silt_masks_new(const struct silt_mask_opts *opts, struct silt_masks **ret_masks,
                       struct silt_err *err)
{
    *ret_masks = NULL;
    if (opts->drop_n + opts->hash_n == 0) return SILT_OK;
    if (opts->hash_n && strlen(silt_secret_reveal(&opts->secret)) < SILT_MASK_SECRET_MIN)
        SILT_FAIL(
            err, CONFIG,
            "privacy.hash needs privacy.hash_secret, %u characters or more: without it anybody "
            "can try out which value has a hash",
            SILT_MASK_SECRET_MIN);
    struct silt_masks *masks = SILT_NEW(struct silt_masks);
    masks->masked = silt_calloc(opts->drop_n + opts->hash_n, sizeof *masks->masked);
    silt_secret_copy(&masks->secret, &opts->secret);
    struct silt_rc rc = add_all(masks, opts, err);
    if (silt_ok(rc))
        *ret_masks = masks;
    else
        silt_masks_free(masks);
    return rc;
}

void silt_masks_free(struct silt_masks *masks)
{
    if (!masks) return;
    for (unsigned i = 0; i < masks->n; i++) silt_free(masks->masked[i].path);
    silt_free(masks->masked);
    silt_secret_done(&masks->secret);
    silt_free(masks);
}

unsigned silt_masks_n(const struct silt_masks *masks)
{
    return masks ? masks->n : 0;
}

const char *silt_masks_path(const struct silt_masks *masks, unsigned i)
{
    return masks->masked[i].path;
}

enum silt_mask silt_masks_at(const struct silt_masks *masks, const char *path)
{
    for (unsigned i = 0; masks && i < masks->n; i++)
        if (strcmp(masks->masked[i].path, path) == 0) return masks->masked[i].how;
    return SILT_MASK_NONE;
}

bool silt_masks_reach(const struct silt_masks *masks, const char *path)
{
    for (unsigned i = 0; masks && i < masks->n; i++)
        if (silt_field_path_leads(path, masks->masked[i].path)) return true;
    return false;
}

/* ---- one value ---- */

void silt_masker_init(struct silt_masker *masker, const struct silt_masks *masks, size_t bytes_max)
{
    *masker = (struct silt_masker){.masks = masks};
    silt_buf_init(&masker->out, bytes_max);
}

void silt_masker_done(struct silt_masker *masker)
{
    silt_buf_done(&masker->out);
}

void silt_masker_begin(struct silt_masker *masker, struct silt_slice body)
{
    silt_buf_clear(&masker->out);
    masker->copied = body.ptr;
    masker->overflowed = false;
}

static void append(struct silt_masker *masker, const void *bytes, size_t len)
{
    if (!silt_buf_append(&masker->out, bytes, len)) masker->overflowed = true;
}

void silt_masker_put(struct silt_masker *masker, const uint8_t *from, const uint8_t *to,
                     struct silt_slice bytes)
{
    append(masker, masker->copied, (size_t)(from - masker->copied));
    append(masker, bytes.ptr, bytes.len);
    masker->copied = to;
}

/* A datum is its length as a zig-zag varint, here of 32 or of 64, and so many bytes. */
void silt_masker_hash(struct silt_masker *masker, const uint8_t *from, const uint8_t *to,
                      struct silt_slice content, bool is_text)
{
    const char *secret = silt_secret_reveal(&masker->masks->secret);
    uint8_t hash[SILT_SHA256_LEN];
    silt_hmac_sha256(secret, strlen(secret), content.ptr, content.len, hash);
    uint8_t text[2 + SILT_SHA256_HEX] = {0x80, 0x01};
    uint8_t bytes[1 + SILT_SHA256_LEN] = {0x40};
    silt_hex(hash, sizeof hash, (char *)text + 2);
    memcpy(bytes + 1, hash, sizeof hash);
    silt_masker_put(masker, from, to,
                    is_text ? silt_slice_of(text, sizeof text - 1)
                            : silt_slice_of(bytes, sizeof bytes));
}

bool silt_masker_end(struct silt_masker *masker, struct silt_slice body,
                     struct silt_slice *ret_body)
{
    *ret_body = body;
    if (masker->copied == body.ptr) return true;
    append(masker, masker->copied, (size_t)(body.ptr + body.len - masker->copied));
    *ret_body = silt_buf_slice(&masker->out);
    return !masker->overflowed;
}
