#include "batch/window.h"

#include "base/alloc.h"
#include "base/err.h"

static const char *const close_names[] = {
    [SILT_CLOSE_NONE] = "none",       [SILT_CLOSE_BYTES] = "bytes",
    [SILT_CLOSE_RECORDS] = "records", [SILT_CLOSE_AGE] = "age",
    [SILT_CLOSE_FILES] = "files",     [SILT_CLOSE_HOLES] = "holes",
    [SILT_CLOSE_MEMORY] = "memory",   [SILT_CLOSE_REVOKE] = "revoke",
    [SILT_CLOSE_STOP] = "stop",
};

const char *silt_close_reason_name(enum silt_close_reason reason)
{
    SILT_ASSERT(reason < sizeof close_names / sizeof close_names[0]);
    return close_names[reason];
}

void silt_window_init(struct silt_window *window, const struct silt_cut *cut,
                      const struct silt_window_limits *limits, int64_t start)
{
    SILT_ASSERT(start >= 0 && cut->max_files >= 1 && cut->max_files <= SILT_CUT_FILES_MAX);
    *window = (struct silt_window){
        .cut = *cut,
        .limits = *limits,
        .start = start,
        .next = start,
        .opened_ms = -1,
        .ts_min = INT64_MAX,
        .ts_max = INT64_MIN,
        .epoch_first = -1,
        .epoch_last = -1,
    };
}

void silt_window_done(struct silt_window *window)
{
    if (!window) return;
    silt_free(window->holes);
    silt_free(window->unreadable);
    *window = (struct silt_window){0};
}

int64_t silt_cut_time(const struct silt_cut *cut, int64_t kafka_ms, int64_t field_ms)
{
    return cut->time_from_field && field_ms != SILT_NO_TIMESTAMP ? field_ms : kafka_ms;
}

/* -- which file -- */

static bool is_file(const struct silt_window_file *file, enum silt_role role, int64_t bucket,
                    const void *schema)
{
    if (file->role != role) return false;
    return role != SILT_ROLE_DATA || (file->bucket == bucket && file->schema == schema);
}

/* Records come in runs of one hour and schema: the file of the last one is tried first. */
static int find_file(struct silt_window *window, enum silt_role role, int64_t bucket,
                     const void *schema)
{
    unsigned last = window->last_file;
    if (last < window->files_n && is_file(&window->files[last], role, bucket, schema))
        return (int)last;
    for (unsigned i = 0; i < window->files_n; i++) {
        if (!is_file(&window->files[i], role, bucket, schema)) continue;
        window->last_file = i;
        return (int)i;
    }
    return -1;
}

static int open_file(struct silt_window *window, enum silt_role role, int64_t bucket,
                     const void *schema)
{
    if (window->files_n == SILT_WINDOW_FILES_MAX) return -1;
    window->last_file = window->files_n++;
    window->files[window->last_file] = (struct silt_window_file){
        .role = role,
        .bucket = bucket,
        .schema = schema,
        .first = -1,
        .last = -1,
    };
    return (int)window->last_file;
}

static int place_data(struct silt_window *window, int64_t bucket, const void *schema)
{
    int file = find_file(window, SILT_ROLE_DATA, bucket, schema);
    if (file >= 0) return file;
    if (bucket != SILT_BUCKET_MIXED && window->data_files_n < window->cut.max_files) {
        file = open_file(window, SILT_ROLE_DATA, bucket, schema);
        window->data_files_n += file >= 0;
        return file;
    }
    file = find_file(window, SILT_ROLE_DATA, SILT_BUCKET_MIXED, schema);
    return file >= 0 ? file : open_file(window, SILT_ROLE_DATA, SILT_BUCKET_MIXED, schema);
}

int silt_window_place(struct silt_window *window, enum silt_role role, int64_t time_ms,
                      const void *schema)
{
    int64_t bucket = silt_bucket_of(time_ms, window->cut.unit);
    if (role == SILT_ROLE_DATA) return place_data(window, bucket, schema);
    int file = find_file(window, role, bucket, NULL);
    return file >= 0 ? file : open_file(window, role, bucket, NULL);
}

/* -- booking -- */

static void book_opening(struct silt_window *window, int64_t now_ms)
{
    if (window->opened_ms < 0) window->opened_ms = now_ms;
}

static void book_times(struct silt_window *window, const struct silt_record *rec)
{
    if (rec->timestamp_ms != SILT_NO_TIMESTAMP) {
        if (rec->timestamp_ms < window->ts_min) window->ts_min = rec->timestamp_ms;
        if (rec->timestamp_ms > window->ts_max) window->ts_max = rec->timestamp_ms;
    }
    if (rec->leader_epoch < 0) return;
    if (window->epoch_first < 0) window->epoch_first = rec->leader_epoch;
    window->epoch_last = rec->leader_epoch;
}

void silt_window_add(struct silt_window *window, int file, const struct silt_record *rec,
                     int64_t raw_bytes, int64_t now_ms)
{
    SILT_ASSERT(file >= 0 && (unsigned)file < window->files_n && rec->offset == window->next);
    struct silt_window_file *to = &window->files[file];
    book_opening(window, now_ms);
    book_times(window, rec);
    if (to->records == 0) to->first = rec->offset;
    to->last = rec->offset;
    to->records++;
    to->bytes += raw_bytes;
    window->bytes += raw_bytes;
    window->next = rec->offset + 1;
    if (to->role == SILT_ROLE_REJECTED) {
        window->rejected++;
        return;
    }
    window->records++;
}

/* Room doubles at each power of two, so no capacity has to be kept: most windows have no range. */
static void append_range(struct silt_range **ranges, unsigned *ranges_n, struct silt_range range)
{
    unsigned n = *ranges_n;
    if (n > 0 && (*ranges)[n - 1].last + 1 == range.first) {
        (*ranges)[n - 1].last = range.last;
        return;
    }
    if ((n & (n - 1)) == 0)
        *ranges = silt_realloc_array(*ranges, n ? 2 * (size_t)n : 1, sizeof **ranges);
    (*ranges)[n] = range;
    *ranges_n = n + 1;
}

static void book_range(struct silt_window *window, struct silt_range range, int64_t now_ms)
{
    SILT_ASSERT(range.first == window->next && range.last >= range.first);
    book_opening(window, now_ms);
    window->next = range.last + 1;
}

void silt_window_hole(struct silt_window *window, int64_t first, int64_t last, int64_t now_ms)
{
    struct silt_range range = {.first = first, .last = last};
    book_range(window, range, now_ms);
    append_range(&window->holes, &window->holes_n, range);
}

void silt_window_unreadable(struct silt_window *window, int64_t first, int64_t last, int64_t now_ms)
{
    struct silt_range range = {.first = first, .last = last};
    book_range(window, range, now_ms);
    append_range(&window->unreadable, &window->unreadable_n, range);
}

/* -- closing -- */

bool silt_window_is_empty(const struct silt_window *window)
{
    return window->next == window->start;
}

int64_t silt_window_closes_at(const struct silt_window *window)
{
    if (silt_window_is_empty(window)) return INT64_MAX;
    if (window->limits.age_max_ms > INT64_MAX - window->opened_ms) return INT64_MAX;
    return window->opened_ms + window->limits.age_max_ms;
}

enum silt_close_reason silt_window_should_close(const struct silt_window *window, int64_t now_ms)
{
    if (silt_window_is_empty(window)) return SILT_CLOSE_NONE;
    if (window->holes_n + window->unreadable_n >= SILT_HOLES_MAX) return SILT_CLOSE_HOLES;
    if (window->bytes >= window->limits.bytes_max) return SILT_CLOSE_BYTES;
    if (window->records + window->rejected >= window->limits.records_max) return SILT_CLOSE_RECORDS;
    return now_ms >= silt_window_closes_at(window) ? SILT_CLOSE_AGE : SILT_CLOSE_NONE;
}
