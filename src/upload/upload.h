/* Stages one file as an uncompleted multipart upload: blocks in order go in, (upload id, parts)
 * come out.
 *
 * Never completes and never aborts by itself: completing belongs to roll-forward, aborting to rule
 * R5, both in commit/. Lives on the consume thread; the store's replies come through the inbox.
 * Blocks are owned by the upload from add to the part's answer, then freed and their bytes given
 * back to the budget.
 */
#ifndef SILT_UPLOAD_UPLOAD_H
#define SILT_UPLOAD_UPLOAD_H

#include "base/budget.h"
#include "base/buf.h"
#include "store/store.h"
#include "upload/mpu.h"

struct silt_upload;

enum silt_upload_event { SILT_UPLOAD_STAGED, SILT_UPLOAD_FAILED };
/* Called on the owner's thread from silt_store_reply; the upload stays valid. */
typedef void silt_upload_event_fn(void *ctx, struct silt_upload *upload,
                                  enum silt_upload_event event);

struct silt_upload_opts {
    struct silt_store *store;
    struct silt_queue *inbox; /* where store replies go */
    struct silt_budget *budget;
    const char *key; /* copied */
    int64_t part_size;
    unsigned parallel;
    silt_upload_event_fn *on_event;
    void *ctx;
};

struct silt_upload *silt_upload_new(const struct silt_upload_opts *opts);
/* Hands a finished block over (taken out of `block`, which is empty afterwards); crc32c is the
 * block's. block->len bytes must be in the budget already. */
void silt_upload_add(struct silt_upload *upload, struct silt_buf *block, uint32_t crc32c);
/* Nothing more comes: the last part goes out, STAGED follows when all parts are answered. */
void silt_upload_finish(struct silt_upload *upload);
/* After FAILED, when the owner has waited long enough: sends again what failed. Bytes of parts stay
 * until they are answered OK, so nothing is lost meanwhile. An upload that the store does not know
 * any more (outcome NO_UPLOAD) cannot be retried: the owner begins its window again. */
void silt_upload_retry(struct silt_upload *upload);
/* Lets go: frees at once or when the requests in flight have come back. What was created at the
 * store stays there unless `abort` says that R5 allows aborting it. on_event is not called any
 * more. */
void silt_upload_release(struct silt_upload *upload, bool abort);

/* After STAGED: */
const char *silt_upload_key(const struct silt_upload *upload);
const char *silt_upload_id(const struct silt_upload *upload); /* "" before it was created */
const char *silt_upload_token(const struct silt_upload *upload);
int64_t silt_upload_size(const struct silt_upload *upload); /* bytes so far */
int64_t silt_upload_held(const struct silt_upload *upload); /* bytes that the store has not taken */
uint32_t silt_upload_crc32c(const struct silt_upload *upload);
const struct silt_store_part *silt_upload_parts(const struct silt_upload *upload,
                                                unsigned *ret_parts_n);
int64_t silt_upload_created_ms(
    const struct silt_upload *upload); /* wall clock when creation was asked; 0 not yet */
const struct silt_store_req *
silt_upload_failure(const struct silt_upload *upload); /* FAILED: the last answer */

#endif
