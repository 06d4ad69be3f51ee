#include "inspect/slots.h"
#include "inspect/tails.h"
#include "parallel_int.h"

struct probe {
    bool truncated; /* the log went back in this slot or before it */
    int64_t next;
};

static SILT_RC parse(struct silt_slice bytes, const char *key, struct probe *ret,
                     struct silt_err *err)
{
    struct silt_manifest m;
    struct silt_rc rc = silt_manifest_parse(bytes, &m, err);
    if (!silt_ok(rc)) {
        silt_err_context(err, "%s (silt verify says more)", key);
        return rc;
    }
    *ret = (struct probe){.truncated = m.lineage > 0, .next = m.next};
    silt_manifest_done(&m);
    return SILT_OK;
}

static SILT_RC look(struct silt_store *store, const struct silt_log_ref *log, int64_t seq,
                    struct probe *ret, struct silt_err *err)
{
    char key[SILT_KEY_MAX];
    silt_key_slot(log->prefix, seq, key);
    struct silt_store_req get = {.op = SILT_OP_GET, .key = key, .body_max = SILT_MANIFEST_MAX};
    silt_store_call(store, &get);
    struct silt_rc rc = get.outcome == SILT_STORE_OK
                            ? parse(silt_buf_slice(&get.ret_body), key, ret, err)
                            : silt_parallel_fail(&get, key, err);
    silt_store_req_done(&get);
    return rc;
}

SILT_RC silt_slots_seek(struct silt_store *store, const struct silt_log_ref *log, int64_t offset,
                        struct silt_seek *ret_seek, struct silt_err *err)
{
    struct probe probe = {.next = -1};
    int64_t newest;
    int64_t low = 0;
    SILT_TRY(silt_log_newest(store, log->prefix, &newest, err));
    if (newest >= 0) SILT_TRY(look(store, log, newest, &probe, err));
    *ret_seek = (struct silt_seek){.end = probe.next, .truncated = probe.truncated};
    if (newest < 0 || probe.truncated) return SILT_OK;
    int64_t high = probe.next > offset ? newest : newest + 1; /* the answer is in low … high */
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        SILT_TRY(look(store, log, middle, &probe, err));
        if (probe.next > offset)
            high = middle;
        else
            low = middle + 1;
    }
    ret_seek->seq = low;
    return SILT_OK;
}
