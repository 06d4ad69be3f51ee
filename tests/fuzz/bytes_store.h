/* A store that holds one object, the bytes under test, and answers its reader at once. */
#ifndef SILT_TEST_FUZZ_BYTES_STORE_H
#define SILT_TEST_FUZZ_BYTES_STORE_H

#include "fuzz.h"
#include "inspect/object.h"
#include "store/store.h"

struct bytes_store {
    struct silt_store store;
    struct silt_slice bytes;
    struct silt_store_part part;
    struct silt_manifest_file file;
};

static inline void bytes_submit(struct silt_store *store, struct silt_store_req *req)
{
    const struct bytes_store *this = (const struct bytes_store *)store;
    FUZZ_CHECK(req->op == SILT_OP_GET && req->range_first <= req->range_last);
    FUZZ_CHECK((size_t)req->range_last < this->bytes.len);
    size_t len = (size_t)(req->range_last - req->range_first) + 1;
    silt_buf_init(&req->ret_body, len);
    FUZZ_CHECK(silt_buf_append(&req->ret_body, this->bytes.ptr + req->range_first, len));
    req->outcome = SILT_STORE_OK;
    FUZZ_CHECK(silt_queue_push(req->reply_to, req));
}

static inline void bytes_store_init(struct bytes_store *this, struct silt_slice bytes,
                                    enum silt_role role)
{
    static const struct silt_store_vtable vtable = {.submit = bytes_submit};
    uint32_t crc = silt_crc32c(0, bytes.ptr, bytes.len);
    *this = (struct bytes_store){.store = {.vtable = &vtable, .url = "bytes"}, .bytes = bytes};
    this->part = (struct silt_store_part){.n = 1, .size = (int64_t)bytes.len, .crc32c = crc};
    this->file = (struct silt_manifest_file){.key = "bytes",
                                             .role = role,
                                             .size = (int64_t)bytes.len,
                                             .crc32c = crc,
                                             .parts = &this->part,
                                             .parts_n = 1};
}

#endif
