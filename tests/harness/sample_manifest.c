#include "sample_manifest.h"

#include "base/alloc.h"

#include <stdio.h>
#include <string.h>

struct silt_tp silt_sample_tp(void)
{
    return (struct silt_tp){.cluster = "c1",
                            .topic = "sensors",
                            .topic_id = "0123456789abcdef0123456789abcdef",
                            .partition = 7};
}

struct silt_manifest_file silt_sample_file(const struct silt_tp *tp, char nonce, int64_t seq,
                                           unsigned file, unsigned repair_k)
{
    struct silt_data_key key = {.unit = SILT_BUCKET_HOUR,
                                .bucket = 491000 + file,
                                .seq = seq,
                                .is_repair = repair_k > 0,
                                .repair_file = file,
                                .repair_k = repair_k};
    memset(key.nonce, nonce, SILT_NONCE_LEN - 1);
    struct silt_manifest_file made = {.role = SILT_ROLE_DATA,
                                      .codec = "zstd",
                                      .schema_id = 17,
                                      .records = SILT_SAMPLE_RECORDS,
                                      .last = SILT_SAMPLE_RECORDS - 1};
    silt_key_data(tp, &key, made.key);
    made.upload_id = silt_asprintf("%c-s%lld-f%u-r%u", nonce, (long long)seq, file, repair_k);
    snprintf(made.token, sizeof made.token, "token-%.20s", made.upload_id);
    return made;
}

struct silt_manifest silt_sample_slot(const struct silt_tp *tp, char nonce, int64_t seq,
                                      int64_t start, unsigned files_n)
{
    struct silt_manifest m = {.kind = SILT_SLOT_DATA,
                              .archive = "00112233445566778899aabbccddeeff",
                              .tp = *tp,
                              .seq = seq,
                              .prev = SILT_NO_PREV,
                              .start = start,
                              .next = start + (int64_t)files_n * SILT_SAMPLE_RECORDS,
                              .records = (int64_t)files_n * SILT_SAMPLE_RECORDS,
                              .digest = "d1d2",
                              .leader_epoch = {12, 13},
                              .ts = {1700000000000, 1700000123456},
                              .cut = {.time = "kafka", .unit = "hour", .max_files = 8},
                              .writer_pod = "silt-0",
                              .writer_boot = "b007",
                              .writer_version = "0.1.0",
                              .created = "2026-01-01T00:00:00Z",
                              .files_n = files_n};
    memset(m.uuid, nonce, SILT_UUID_LEN - 1);
    m.files = silt_calloc(files_n, sizeof *m.files);
    for (unsigned i = 0; i < files_n; i++) {
        m.files[i] = silt_sample_file(tp, nonce, seq, i, 0);
        m.files[i].first = start + (int64_t)i * SILT_SAMPLE_RECORDS;
        m.files[i].last = m.files[i].first + SILT_SAMPLE_RECORDS - 1;
    }
    return m;
}

void silt_sample_stage(struct silt_memory_store *mem, struct silt_manifest_file *file)
{
    const char *const bodies[] = {"first part of ", file->upload_id};
    silt_memory_stage(mem, file->key, file->upload_id, file->token, bodies, 2);
    const struct silt_memory_upload *upload = silt_memory_find_upload(mem, file->upload_id);
    file->parts_n = upload->parts_n;
    file->parts = silt_memdup(upload->parts, upload->parts_n * sizeof *upload->parts);
    file->size = upload->parts[0].size + upload->parts[1].size;
}

void silt_sample_stage_all(struct silt_memory_store *mem, struct silt_manifest *manifest)
{
    for (unsigned i = 0; i < manifest->files_n; i++) silt_sample_stage(mem, &manifest->files[i]);
}
