/* Roll-forward of one committed file as a pure state machine (protocol section 5): complete its
 * staged upload, whoever staged it, or learn that it is done, or that it is missing and must be
 * repaired.
 *
 *   COMPLETE ─200─▶ DONE
 *      │ ▲ ├ NoSuchUpload ─▶ HEAD ─same size and token─▶ DONE
 *      │ │ │                  ├ 404 ─▶ WAIT; several times ─▶ MISSING   (delete marker: DONE,
 * alarm) │ │ │                  └ another object ─▶ BROKEN │ │ ├ InvalidPart ──▶ PARTS ─same
 * content, new ETags─▶ COMPLETE, else ─▶ MISSING │ └─┴ anything that may pass ─▶ WAIT
 *
 * A file counts as missing after a few rounds of both questions: another roller's Complete may be
 * under way, and a store that is slow to show the object must not start a repair. Complete is part
 * of the round because its answer has a body: versitygw's 404 to HEAD may mean an unknown key.
 */
#ifndef SILT_COMMIT_ROLL_H
#define SILT_COMMIT_ROLL_H

#include "store/store.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_ROLL_HEADS_MAX 4

enum silt_roll_state {
    SILT_ROLL_IDLE,
    SILT_ROLL_COMPLETE,
    SILT_ROLL_HEAD,
    SILT_ROLL_PARTS,
    SILT_ROLL_WAIT,      /* then COMPLETE */
    SILT_ROLL_WAIT_HEAD, /* then HEAD */
    SILT_ROLL_DONE,
    SILT_ROLL_MISSING,
    SILT_ROLL_BROKEN,
    SILT_ROLL_FORGOTTEN,
    SILT_ROLL_STATES_N
};
const char *silt_roll_state_name(enum silt_roll_state state);

enum silt_roll_event_kind {
    SILT_ROLL_EV_BEGIN,
    SILT_ROLL_EV_COMPLETE, /* outcome */
    SILT_ROLL_EV_HEAD,     /* outcome; same: size and token are the file's; delete_marker */
    SILT_ROLL_EV_PARTS,    /* outcome; same: numbers, sizes and checksums are the manifest's */
    SILT_ROLL_EV_TIMER,
};
struct silt_roll_event {
    enum silt_roll_event_kind kind;
    enum silt_store_outcome outcome;
    bool same;
    bool delete_marker;
    uint64_t random;
};

enum silt_roll_action_kind {
    SILT_ROLL_DO_NOTHING,
    SILT_ROLL_DO_COMPLETE, /* after PARTS: with the ETags that ListParts gave */
    SILT_ROLL_DO_HEAD,
    SILT_ROLL_DO_PARTS,
    SILT_ROLL_DO_WAIT,
    SILT_ROLL_IS_DONE,
    SILT_ROLL_IS_MISSING,
    SILT_ROLL_IS_BROKEN,
    SILT_ROLL_FORGET,
};
struct silt_roll_action {
    enum silt_roll_action_kind kind;
    int64_t wait_ms;
    bool page;
};

struct silt_roll {
    enum silt_roll_state state;
    unsigned attempts;
    unsigned heads_missed;
};

void silt_roll_init(struct silt_roll *roll);
struct silt_roll_action silt_roll_step(struct silt_roll *roll, const struct silt_roll_event *event);

#endif
