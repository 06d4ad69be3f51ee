#include "batch/window.h"

#include "harness.h"

#include <stdio.h>
#include <string.h>

#define HOUR_MS INT64_C(3600000)

static const int schema_a;
static const int schema_b;

static const struct silt_window_limits limits = {
    .bytes_max = 1000,
    .records_max = 10,
    .age_max_ms = 5000,
};

static struct silt_window window_of(unsigned max_files)
{
    struct silt_cut cut = {.unit = SILT_BUCKET_HOUR, .max_files = max_files};
    struct silt_window window;
    silt_window_init(&window, &cut, &limits, 100);
    return window;
}

static int place(struct silt_window *window, int64_t hour, const void *schema)
{
    return silt_window_place(window, SILT_ROLE_DATA, hour * HOUR_MS, schema);
}

static void add_at(struct silt_window *window, int file, int64_t bytes, int64_t now_ms)
{
    struct silt_record rec = {
        .offset = window->next,
        .timestamp_ms = SILT_NO_TIMESTAMP,
        .leader_epoch = -1,
    };
    silt_window_add(window, file, &rec, bytes, now_ms);
}

static void a_new_window_is_empty_and_stays_open(void)
{
    struct silt_window window = window_of(8);
    CU_ASSERT(silt_window_is_empty(&window));
    CU_ASSERT_EQUAL(window.start, 100);
    CU_ASSERT_EQUAL(window.next, 100);
    CU_ASSERT_EQUAL(window.opened_ms, -1);
    CU_ASSERT_EQUAL(silt_window_closes_at(&window), INT64_MAX);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, INT64_MAX), SILT_CLOSE_NONE);
    silt_window_done(&window);
    silt_window_done(NULL);
}

static void a_file_belongs_to_one_hour_and_schema(void)
{
    struct silt_window window = window_of(8);
    CU_ASSERT_EQUAL(place(&window, 5, &schema_a), 0);
    CU_ASSERT_EQUAL(place(&window, 5, &schema_a), 0);
    CU_ASSERT_EQUAL(place(&window, 5, &schema_b), 1);
    CU_ASSERT_EQUAL(place(&window, 4, &schema_a), 2); /* late data */
    CU_ASSERT_EQUAL(place(&window, 5, &schema_a), 0); /* alternating schemas keep their files */
    CU_ASSERT_EQUAL(place(&window, 5, &schema_b), 1);
    CU_ASSERT_EQUAL(window.files_n, 3);
    CU_ASSERT_EQUAL(window.data_files_n, 3);
    CU_ASSERT_EQUAL(window.files[2].bucket, 4);
    CU_ASSERT_PTR_EQUAL(window.files[1].schema, &schema_b);
    CU_ASSERT(silt_window_is_empty(&window)); /* nothing was booked */
    silt_window_done(&window);
}

static void one_bucket_more_goes_to_the_mixed_file_of_its_schema(void)
{
    struct silt_window window = window_of(2);
    CU_ASSERT_EQUAL(place(&window, 1, &schema_a), 0);
    CU_ASSERT_EQUAL(place(&window, 2, &schema_a), 1);
    CU_ASSERT_EQUAL(place(&window, 3, &schema_a), 2);
    CU_ASSERT_EQUAL(window.files[2].bucket, SILT_BUCKET_MIXED);
    CU_ASSERT_EQUAL(place(&window, 4, &schema_a), 2);
    CU_ASSERT_EQUAL(place(&window, 1, &schema_b), 3);
    CU_ASSERT_EQUAL(window.files[3].bucket, SILT_BUCKET_MIXED);
    CU_ASSERT_EQUAL(place(&window, 2, &schema_a), 1); /* an open hour keeps its file */
    CU_ASSERT_EQUAL(window.data_files_n, 2);
    silt_window_done(&window);
}

static void a_time_out_of_range_goes_to_the_mixed_file_at_once(void)
{
    struct silt_window window = window_of(8);
    CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_DATA, -1, &schema_a), 0);
    CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_DATA, INT64_MAX, &schema_a), 0);
    CU_ASSERT_EQUAL(window.files[0].bucket, SILT_BUCKET_MIXED);
    CU_ASSERT_EQUAL(window.data_files_n, 0);
    silt_window_done(&window);
}

static void rejected_and_tombstone_records_have_one_file_each(void)
{
    struct silt_window window = window_of(8);
    CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_REJECTED, 3 * HOUR_MS, &schema_a), 0);
    CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_TOMBSTONE, 4 * HOUR_MS, NULL), 1);
    CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_REJECTED, 9 * HOUR_MS, &schema_b), 0);
    CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_TOMBSTONE, -1, &schema_b), 1);
    CU_ASSERT_EQUAL(window.files[0].bucket, 3);
    CU_ASSERT_EQUAL(window.files[1].bucket, 4);
    CU_ASSERT_PTR_NULL(window.files[0].schema);
    CU_ASSERT_EQUAL(window.data_files_n, 0);
    silt_window_done(&window);
}

static void without_a_file_left_nothing_is_opened(void)
{
    static const int schemas[SILT_WINDOW_FILES_MAX + 1];
    struct silt_window window = window_of(16);
    for (int i = 0; i < SILT_WINDOW_FILES_MAX; i++)
        CU_ASSERT_EQUAL(place(&window, 1, &schemas[i]), i);
    CU_ASSERT_EQUAL(window.data_files_n, 16);
    struct silt_window before = window;
    CU_ASSERT_EQUAL(place(&window, 1, &schemas[SILT_WINDOW_FILES_MAX]), -1);
    CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_REJECTED, 0, NULL), -1);
    CU_ASSERT(memcmp(&before, &window, sizeof window) == 0);
    CU_ASSERT_EQUAL(place(&window, 1, &schemas[3]), 3);
    silt_window_done(&window);
}

/* 31 mixed files and one with a bucket: another bucket would have to open number 33. */
static void a_bucket_of_its_own_may_be_refused_too(void)
{
    static const int schemas[SILT_WINDOW_FILES_MAX];
    struct silt_window window = window_of(16);
    for (int i = 0; i < SILT_WINDOW_FILES_MAX; i++)
        CU_ASSERT_EQUAL(silt_window_place(&window, SILT_ROLE_DATA, -1, &schemas[i]), i);
    CU_ASSERT_EQUAL(place(&window, 1, &schemas[0]), -1);
    CU_ASSERT_EQUAL(window.data_files_n, 0);
    silt_window_done(&window);
}

static void adding_keeps_the_books(void)
{
    struct silt_window window = window_of(8);
    struct silt_record rec = {.offset = 100, .timestamp_ms = 70, .leader_epoch = 4};
    int data = place(&window, 0, &schema_a);
    silt_window_add(&window, data, &rec, 10, 1000);
    rec = (struct silt_record){.offset = 101, .timestamp_ms = 60, .leader_epoch = -1};
    int rejected = silt_window_place(&window, SILT_ROLE_REJECTED, 60, NULL);
    silt_window_add(&window, rejected, &rec, 20, 1001);
    rec = (struct silt_record){.offset = 102, .timestamp_ms = 65, .leader_epoch = 5};
    silt_window_add(&window, data, &rec, 30, 1002);
    CU_ASSERT_EQUAL(window.records, 2);
    CU_ASSERT_EQUAL(window.rejected, 1);
    CU_ASSERT_EQUAL(window.bytes, 60);
    CU_ASSERT_EQUAL(window.next, 103);
    CU_ASSERT_EQUAL(window.opened_ms, 1000);
    CU_ASSERT_EQUAL(window.ts_min, 60);
    CU_ASSERT_EQUAL(window.ts_max, 70);
    CU_ASSERT_EQUAL(window.epoch_first, 4);
    CU_ASSERT_EQUAL(window.epoch_last, 5);
    CU_ASSERT_EQUAL(window.files[data].records, 2);
    CU_ASSERT_EQUAL(window.files[data].bytes, 40);
    CU_ASSERT_EQUAL(window.files[data].first, 100);
    CU_ASSERT_EQUAL(window.files[data].last, 102);
    CU_ASSERT_EQUAL(window.files[rejected].first, 101);
    CU_ASSERT_EQUAL(window.files[rejected].last, 101);
    silt_window_done(&window);
}

static void a_tombstone_counts_as_a_record(void)
{
    struct silt_window window = window_of(8);
    add_at(&window, silt_window_place(&window, SILT_ROLE_TOMBSTONE, 0, NULL), 5, 0);
    CU_ASSERT_EQUAL(window.records, 1);
    CU_ASSERT_EQUAL(window.rejected, 0);
    CU_ASSERT_EQUAL(window.ts_min, INT64_MAX); /* it has no time */
    CU_ASSERT_EQUAL(window.ts_max, INT64_MIN);
    CU_ASSERT_EQUAL(window.epoch_first, -1);
    silt_window_done(&window);
}

static void neighbouring_holes_are_joined(void)
{
    struct silt_window window = window_of(8);
    silt_window_hole(&window, 100, 100, 7);
    silt_window_hole(&window, 101, 105, 8);
    CU_ASSERT_EQUAL(window.holes_n, 1);
    silt_window_unreadable(&window, 106, 106, 8);
    silt_window_hole(&window, 107, 108, 8);
    silt_window_unreadable(&window, 109, 120, 9);
    silt_window_unreadable(&window, 121, 121, 9);
    CU_ASSERT_EQUAL(window.holes_n, 2);
    CU_ASSERT_EQUAL(window.holes[0].first, 100);
    CU_ASSERT_EQUAL(window.holes[0].last, 105);
    CU_ASSERT_EQUAL(window.holes[1].first, 107);
    CU_ASSERT_EQUAL(window.unreadable_n, 2);
    CU_ASSERT_EQUAL(window.unreadable[1].first, 109);
    CU_ASSERT_EQUAL(window.unreadable[1].last, 121);
    CU_ASSERT_EQUAL(window.next, 122);
    CU_ASSERT_EQUAL(window.opened_ms, 7);
    CU_ASSERT_FALSE(silt_window_is_empty(&window));
    silt_window_done(&window);
}

static void a_window_of_holes_alone_closes_by_age(void)
{
    struct silt_window window = window_of(8);
    silt_window_hole(&window, 100, 199, 1000);
    CU_ASSERT_EQUAL(silt_window_closes_at(&window), 6000);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 5999), SILT_CLOSE_NONE);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 6000), SILT_CLOSE_AGE);
    silt_window_done(&window);
}

static void bytes_close_a_window(void)
{
    struct silt_window window = window_of(8);
    int file = place(&window, 1, &schema_a);
    add_at(&window, file, 999, 0);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 0), SILT_CLOSE_NONE);
    add_at(&window, file, 1, 0);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 0), SILT_CLOSE_BYTES);
    silt_window_done(&window);
}

static void records_close_a_window_the_rejected_too(void)
{
    struct silt_window window = window_of(8);
    int file = place(&window, 1, &schema_a);
    int rejected = silt_window_place(&window, SILT_ROLE_REJECTED, 0, NULL);
    for (int i = 0; i < 9; i++) add_at(&window, file, 1, 0);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 0), SILT_CLOSE_NONE);
    add_at(&window, rejected, 1, 0);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 0), SILT_CLOSE_RECORDS);
    silt_window_done(&window);
}

static void an_endless_age_does_not_wrap(void)
{
    struct silt_window window = window_of(8);
    window.limits.age_max_ms = INT64_MAX;
    add_at(&window, place(&window, 1, &schema_a), 1, 1000);
    CU_ASSERT_EQUAL(silt_window_closes_at(&window), INT64_MAX);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, INT64_MAX - 1), SILT_CLOSE_NONE);
    silt_window_done(&window);
}

static void too_many_ranges_close_a_window(void)
{
    struct silt_window window = window_of(8);
    window.limits = (struct silt_window_limits){INT64_MAX, INT64_MAX, INT64_MAX};
    int file = place(&window, 1, &schema_a);
    for (int i = 1; i < SILT_HOLES_MAX; i++) {
        silt_window_hole(&window, window.next, window.next, 0);
        add_at(&window, file, 1, 0);
    }
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 0), SILT_CLOSE_NONE);
    silt_window_unreadable(&window, window.next, window.next, 0);
    CU_ASSERT_EQUAL(silt_window_should_close(&window, 0), SILT_CLOSE_HOLES);
    CU_ASSERT_EQUAL(window.holes_n, SILT_HOLES_MAX - 1);
    CU_ASSERT_EQUAL(window.holes[SILT_HOLES_MAX - 2].first, 100 + 2 * (SILT_HOLES_MAX - 2));
    silt_window_done(&window);
}

static void the_time_is_the_fields_or_kafkas(void)
{
    struct silt_cut cut = {.time_from_field = true};
    CU_ASSERT_EQUAL(silt_cut_time(&cut, 1, 2), 2);
    CU_ASSERT_EQUAL(silt_cut_time(&cut, 1, SILT_NO_TIMESTAMP), 1);
    cut.time_from_field = false;
    CU_ASSERT_EQUAL(silt_cut_time(&cut, 1, 2), 1);
}

static void the_books_always_balance(void)
{
    struct silt_window window = window_of(3);
    uint64_t seed = 12345;
    for (int i = 0; i < 3000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        unsigned kind = (unsigned)(seed >> 33) % 10;
        int64_t len = (int64_t)(seed >> 50) % 5;
        if (kind == 0) silt_window_hole(&window, window.next, window.next + len, i);
        if (kind == 1) silt_window_unreadable(&window, window.next, window.next + len, i);
        if (kind < 2) continue;
        enum silt_role role = kind < 8 ? SILT_ROLE_DATA : (enum silt_role)(kind - 7);
        int file = silt_window_place(&window, role, len * HOUR_MS, &schema_a);
        if (file < 0) CU_FAIL_FATAL("no file for a record");
        add_at(&window, file, 1, i);
    }
    int64_t ranges = 0;
    int64_t in_files = 0;
    for (unsigned i = 0; i < window.holes_n; i++)
        ranges += window.holes[i].last - window.holes[i].first + 1;
    for (unsigned i = 0; i < window.unreadable_n; i++)
        ranges += window.unreadable[i].last - window.unreadable[i].first + 1;
    for (unsigned i = 0; i < window.files_n; i++) in_files += window.files[i].records;
    CU_ASSERT_EQUAL(window.records + window.rejected + ranges, window.next - window.start);
    CU_ASSERT_EQUAL(in_files, window.records + window.rejected);
    silt_window_done(&window);
}

static void every_reason_to_close_has_a_name(void)
{
    CU_ASSERT_STRING_EQUAL(silt_close_reason_name(SILT_CLOSE_NONE), "none");
    CU_ASSERT_STRING_EQUAL(silt_close_reason_name(SILT_CLOSE_HOLES), "holes");
    CU_ASSERT_STRING_EQUAL(silt_close_reason_name(SILT_CLOSE_STOP), "stop");
}

SILT_TESTS("window", {"a new window is empty and stays open", a_new_window_is_empty_and_stays_open},
           {"a file belongs to one hour and schema", a_file_belongs_to_one_hour_and_schema},
           {"one bucket more goes to the mixed file of its schema",
            one_bucket_more_goes_to_the_mixed_file_of_its_schema},
           {"a time out of range goes to the mixed file at once",
            a_time_out_of_range_goes_to_the_mixed_file_at_once},
           {"rejected and tombstone records have one file each",
            rejected_and_tombstone_records_have_one_file_each},
           {"without a file left nothing is opened", without_a_file_left_nothing_is_opened},
           {"a bucket of its own may be refused, too", a_bucket_of_its_own_may_be_refused_too},
           {"adding keeps the books", adding_keeps_the_books},
           {"a tombstone counts as a record", a_tombstone_counts_as_a_record},
           {"neighbouring holes are joined", neighbouring_holes_are_joined},
           {"a window of holes alone closes by age", a_window_of_holes_alone_closes_by_age},
           {"bytes close a window", bytes_close_a_window},
           {"records close a window, the rejected too", records_close_a_window_the_rejected_too},
           {"an endless age does not wrap", an_endless_age_does_not_wrap},
           {"too many ranges close a window", too_many_ranges_close_a_window},
           {"the time is the field's or Kafka's", the_time_is_the_fields_or_kafkas},
           {"the books always balance", the_books_always_balance},
           {"every reason to close has a name", every_reason_to_close_has_a_name})
