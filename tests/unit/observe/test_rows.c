#include "observe/rows_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <string.h>

static const struct silt_origin origin = {.worker = "w", .boot = "b00t"};
static struct silt_metrics_snapshot diff;
static char text[4096];

/* table: column, column, … per line */
static const char *text_of(struct silt_spool_item *spooled)
{
    const struct silt_rows_item *item = (const struct silt_rows_item *)spooled;
    struct silt_buf buf;
    enum silt_table table;
    const char *row[SILT_COLUMNS_MAX];
    silt_buf_init(&buf, sizeof text);
    for (size_t pos = 0; silt_rows_next(item, &pos, &table, row);) {
        (void)silt_buf_printf(&buf, "%d:", (int)table);
        for (unsigned i = 0; i < silt_table_inserts[table].columns; i++)
            (void)silt_buf_printf(&buf, " %s", row[i] ? row[i] : "NULL");
        (void)silt_buf_append_char(&buf, '\n');
    }
    strcpy(text, silt_buf_str(&buf));
    silt_buf_done(&buf);
    silt_free(spooled);
    return text;
}

static void idle_stages_make_no_rows(void)
{
    memset(&diff, 0, sizeof diff);
    CU_ASSERT_PTR_NULL(silt_rows_stages(&origin, 0, 10000, &diff));
}

static void a_busy_stage_makes_one_row(void)
{
    memset(&diff, 0, sizeof diff);
    struct silt_stage_snapshot *stage = &diff.stages[SILT_STAGE_S3_UPLOAD];
    stage->success = 3;
    stage->failure[SILT_FAIL_TIMEOUT] = 2;
    stage->failures = 2;
    stage->bytes = 99;
    stage->retries = 1;
    stage->latency = (struct silt_histogram_snapshot){.count = 3, .sum = 40, .max = 20};
    stage->latency.counts[10] = 2;
    stage->latency.counts[20] = 1;
    diff.stages[SILT_STAGE_ENCODE].success = 1;
    CU_ASSERT_STRING_EQUAL(
        text_of(silt_rows_stages(&origin, 1700000000123, 10000, &diff)),
        "0: 2023-11-14T22:13:20.123Z 10000 w b00t encode 1 0 0 0 0 0 NULL NULL NULL NULL [] {}\n"
        "0: 2023-11-14T22:13:20.123Z 10000 w b00t s3_upload 3 2 99 1 3 40 10 20 20 20"
        " [[10,2],[20,1]] {\"timeout\":2}\n");
}

static void a_failure_keeps_what_is_known(void)
{
    const struct silt_failure known = {.stage = SILT_STAGE_AVRO_VALIDATE,
                                       .type = SILT_FAIL_SCHEMA_ERROR,
                                       .sensor_id = "s\xff",
                                       .topic = "t",
                                       .partition = 3,
                                       .offset = 42,
                                       .correlation_id = "c",
                                       .message = "unknown schema 7",
                                       .action = "to rejects",
                                       .bucket = "b",
                                       .key = "k",
                                       .retry_count = 2};
    CU_ASSERT_STRING_EQUAL(
        text_of(silt_rows_failure(&origin, 0, 5, &known)),
        "1: 1970-01-01T00:00:00.000Z w b00t 5 avro_validate schema_error s? t 3 42 c unknown "
        "schema 7 "
        "{\"action\":\"to rejects\",\"bucket\":\"b\",\"key\":\"k\",\"retry_count\":2}\n");
    const struct silt_failure unknown = {.stage = SILT_STAGE_ENCODE, .partition = -1, .offset = -1};
    CU_ASSERT_STRING_EQUAL(
        text_of(silt_rows_failure(&origin, 0, 6, &unknown)),
        "1: 1970-01-01T00:00:00.000Z w b00t 6 encode connection_error NULL NULL NULL "
        "NULL NULL NULL {\"retry_count\":0}\n");
}

static void unknown_lag_is_null_and_never_zero(void)
{
    const struct silt_lag lags[] = {
        {.tp = {.cluster = "c", .topic = "t", .topic_id = "id", .partition = 1},
         .log_start = 0,
         .durable = 5,
         .position = 6,
         .cut = 7,
         .staged = 8,
         .high = 10,
         .lag = 5,
         .lag_ms = 1500,
         .retention_ms_left = 2000,
         .drain_per_s = 3,
         .state = "fill"},
        {.tp = {.cluster = "c", .topic = "t", .topic_id = "id", .partition = 2},
         .log_start = -1,
         .durable = -1,
         .position = -1,
         .cut = -1,
         .staged = -1,
         .high = -1,
         .lag = -1,
         .lag_ms = -1,
         .retention_ms_left = -1,
         .drain_per_s = -1},
    };
    CU_ASSERT_STRING_EQUAL(
        text_of(silt_rows_lag(&origin, 1, lags, 2)),
        "2: 1970-01-01T00:00:00.001Z w b00t c t id 1 0 5 6 7 8 10 5 1.500 2.000 3 fill\n"
        "2: 1970-01-01T00:00:00.001Z w b00t c t id 2 NULL NULL NULL NULL NULL NULL NULL NULL NULL "
        "NULL NULL\n");
    CU_ASSERT_PTR_NULL(silt_rows_lag(&origin, 1, lags, 0));
}

static void a_slot_comes_with_its_files(void)
{
    const struct silt_slot_file_row files[] = {
        {.key = "data/a",
         .role = "data",
         .codec = "zstd",
         .size = 100,
         .records = 8,
         .first = 10,
         .last = 19,
         .schema_id = 7},
        {.key = "data/b",
         .role = "rejected",
         .codec = "zstd",
         .size = 50,
         .records = 1,
         .first = 12,
         .last = 12,
         .schema_id = -1},
    };
    const struct silt_slot_row slot = {
        .tp = {.cluster = "c", .topic = "t", .topic_id = "id", .partition = 1},
        .seq = 4,
        .kind = "data",
        .start = 10,
        .next = 20,
        .records = 8,
        .tombstones = 1,
        .rejected = 1,
        .holes = 1,
        .unreadable = 0,
        .ts_min = -1,
        .ts_max = 999999999999999999,
        .delay_ms = -1,
        .uuid = "u",
        .files = files,
        .files_n = 2};
    CU_ASSERT_STRING_EQUAL(
        text_of(silt_rows_slot(&origin, 2, &slot)),
        "3: c t id 1 4 data 10 20 8 1 1 1 0 NULL NULL NULL u w 1970-01-01T00:00:00.002Z\n"
        "4: id 1 4 0 data/a data zstd 100 8 10 19 7\n"
        "4: id 1 4 1 data/b rejected zstd 50 1 12 12 NULL\n");
}

static void an_item_knows_its_size(void)
{
    const struct silt_failure failure = {.partition = -1, .offset = -1};
    struct silt_spool_item *item = silt_rows_failure(&origin, 0, 1, &failure);
    CU_ASSERT_EQUAL(item->rows, 1);
    CU_ASSERT_EQUAL(item->lane, SILT_LANE_FAILURE);
    CU_ASSERT(item->bytes > sizeof(struct silt_rows_item));
    silt_free(item);
}

SILT_TESTS("rows", {"idle stages make no rows", idle_stages_make_no_rows},
           {"a busy stage makes one row", a_busy_stage_makes_one_row},
           {"a failure keeps what is known", a_failure_keeps_what_is_known},
           {"unknown lag is null and never zero", unknown_lag_is_null_and_never_zero},
           {"a slot comes with its files", a_slot_comes_with_its_files},
           {"an item knows its size", an_item_knows_its_size})
