/* One staged multipart upload as a pure state machine: events in, actions out; no clock, no I/O.
 *
 *   NEW ─begin─▶ CREATING ─created─▶ OPEN ─finish─▶ DRAINING ─last part answered─▶ STAGED
 *                    │                 │                │
 *                    └──────────── failed ─────────────┴──▶ FAILED ─retry─▶ where it was
 *                                                          (abort is the owner's decision: R5)
 *
 * Parts are numbered 1…n without gaps; at most `parallel` are in flight; the target size doubles
 * every 1,000 parts, so 10,000 parts are never exceeded for any file S3 can hold. An upload without
 * bytes never begins.
 */
#ifndef SILT_UPLOAD_MPU_H
#define SILT_UPLOAD_MPU_H

#include <stdbool.h>
#include <stdint.h>

enum silt_mpu_state {
    SILT_MPU_NEW,
    SILT_MPU_CREATING,
    SILT_MPU_OPEN,
    SILT_MPU_DRAINING,
    SILT_MPU_STAGED,
    SILT_MPU_FAILED,
};
const char *silt_mpu_state_name(enum silt_mpu_state state);

#define SILT_PARTS_MAX 10000
#define SILT_PART_MIN ((int64_t)5 << 20) /* bytes; all parts but the last */

struct silt_mpu {
    enum silt_mpu_state state;
    unsigned parallel;
    int64_t part_size; /* bytes, of the first 1,000 parts */
    unsigned cut;      /* parts cut so far */
    unsigned sent;     /* handed to the store */
    unsigned answered;
    bool finishing;
};

enum silt_mpu_event {
    SILT_MPU_EV_PART_CUT, /* a part's bytes are complete */
    SILT_MPU_EV_CREATED,
    SILT_MPU_EV_PART_OK,
    SILT_MPU_EV_FINISH, /* no more parts will be cut */
    SILT_MPU_EV_FAIL,   /* create or a part failed for good */
    SILT_MPU_EV_RETRY, /* out of FAILED: what failed is sent again (parts by the caller itself: they
                          still count as sent) */
};
/* What to do now: any of these bits. */
enum silt_mpu_action {
    SILT_MPU_DO_CREATE = 1,
    SILT_MPU_DO_SEND =
        2, /* send part number sent+1 … up to `parallel` in flight: call silt_mpu_next_send */
    SILT_MPU_DO_STAGED = 4,
    SILT_MPU_DO_FAILED = 8,
};

void silt_mpu_init(struct silt_mpu *mpu, int64_t part_size, unsigned parallel);
unsigned silt_mpu_step(struct silt_mpu *mpu, enum silt_mpu_event event); /* actions */
/* The next part to send now, 0 when none; the caller sends it, so it counts as sent. */
unsigned silt_mpu_next_send(struct silt_mpu *mpu);
/* Target size of part n (from 1): part_size doubled every 1,000 parts. */
int64_t silt_mpu_part_target(int64_t part_size, unsigned n);

#endif
