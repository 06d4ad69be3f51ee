/* Windows of any records: the books balance, files keep to their bounds, and the same records give
 * the same files again (a repair replays them).
 */
#include "batch/window.h"

#include "fuzz.h"

struct books {
    int64_t records;
    int64_t rejected;
    int64_t missing;
    int64_t bytes;
};

static void check_files(const struct silt_window *window, const struct books *books)
{
    int64_t records = 0;
    int64_t bytes = 0;
    FUZZ_CHECK(window->files_n <= SILT_WINDOW_FILES_MAX);
    FUZZ_CHECK(window->data_files_n <= window->cut.max_files);
    for (unsigned i = 0; i < window->files_n; i++) {
        const struct silt_window_file *file = &window->files[i];
        records += file->records;
        bytes += file->bytes;
        FUZZ_CHECK(file->records > 0 && file->first >= window->start && file->last < window->next);
        FUZZ_CHECK(file->last - file->first + 1 >= file->records);
        for (unsigned k = 0; k < i; k++)
            FUZZ_CHECK(window->files[k].role != file->role ||
                       (file->role == SILT_ROLE_DATA && (window->files[k].bucket != file->bucket ||
                                                         window->files[k].schema != file->schema)));
    }
    FUZZ_CHECK(records == books->records + books->rejected && bytes == books->bytes);
}

static int64_t check_ranges(const struct silt_window *window, const struct silt_range *ranges,
                            unsigned n)
{
    int64_t sum = 0;
    int64_t from = window->start;
    for (unsigned i = 0; i < n; i++) {
        FUZZ_CHECK(ranges[i].first >= from && ranges[i].last >= ranges[i].first);
        from = ranges[i].last + 2; /* neighbours are joined */
        sum += ranges[i].last - ranges[i].first + 1;
    }
    FUZZ_CHECK(n == 0 || ranges[n - 1].last < window->next);
    return sum;
}

static void check_books(const struct silt_window *window, const struct books *books)
{
    FUZZ_CHECK(window->records == books->records && window->rejected == books->rejected);
    FUZZ_CHECK(window->bytes == books->bytes);
    FUZZ_CHECK(check_ranges(window, window->holes, window->holes_n) +
                   check_ranges(window, window->unreadable, window->unreadable_n) ==
               books->missing);
    FUZZ_CHECK(books->records + books->rejected + books->missing == window->next - window->start);
    FUZZ_CHECK(silt_window_is_empty(window) == (window->next == window->start));
    check_files(window, books);
}

static void add_range(struct silt_window *window, struct fuzz_in *in, struct books *books)
{
    int64_t first = window->next;
    int64_t last = first + fuzz_below(in, 50);
    books->missing += last - first + 1;
    if (fuzz_byte(in) & 1)
        silt_window_hole(window, first, last, 0);
    else
        silt_window_unreadable(window, first, last, 0);
}

/* @return false when the window must be closed first. */
static bool add_record(struct silt_window *window, struct silt_window *again, struct fuzz_in *in,
                       struct books *books)
{
    static const char schemas[4];
    struct silt_record rec = {.offset = window->next};
    enum silt_role role = (enum silt_role)(fuzz_below(in, 8) / 3);
    const void *schema = &schemas[fuzz_below(in, 4)];
    int64_t raw = fuzz_below(in, 200);
    rec.timestamp_ms = fuzz_byte(in) & 1 ? fuzz_long(in) : (int64_t)fuzz_below(in, 48) * 3600000;
    rec.leader_epoch = (int32_t)fuzz_below(in, 3) - 1;
    unsigned before_n = window->files_n;
    int file = silt_window_place(window, role, rec.timestamp_ms, schema);
    FUZZ_CHECK(file == silt_window_place(again, role, rec.timestamp_ms, schema));
    if (file < 0) {
        FUZZ_CHECK(window->files_n == before_n && before_n == SILT_WINDOW_FILES_MAX);
        return false;
    }
    FUZZ_CHECK(window->files[file].role == role);
    silt_window_add(window, file, &rec, raw, 0);
    silt_window_add(again, file, &rec, raw, 0);
    books->bytes += raw;
    *(role == SILT_ROLE_REJECTED ? &books->rejected : &books->records) += 1;
    return true;
}

static bool closes(const struct silt_window *window, const struct books *books)
{
    bool wanted = books->bytes >= window->limits.bytes_max ||
                  books->records + books->rejected >= window->limits.records_max ||
                  window->holes_n + window->unreadable_n >= SILT_HOLES_MAX;
    enum silt_close_reason reason = silt_window_should_close(window, 0);
    FUZZ_CHECK((reason != SILT_CLOSE_NONE) == (wanted && !silt_window_is_empty(window)));
    return reason != SILT_CLOSE_NONE;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_cut cut = {.unit = (enum silt_bucket_unit)fuzz_below(&in, 3)};
    struct silt_window_limits limits = {.age_max_ms = 1};
    struct silt_window window;
    struct silt_window again; /* the same records without what lies between them */
    struct books books = {0};
    cut.max_files = 1 + fuzz_below(&in, SILT_CUT_FILES_MAX);
    limits.bytes_max = 1 + (int64_t)fuzz_bits(&in, 2);
    limits.records_max = 1 + (int64_t)fuzz_bits(&in, 2);
    int64_t start = fuzz_long(&in) & (INT64_MAX >> 2);
    silt_window_init(&window, &cut, &limits, start);
    silt_window_init(&again, &cut, &limits, start);
    while (fuzz_more(&in) && !closes(&window, &books)) {
        again.next = window.next;
        if (fuzz_one_in(&in, 6))
            add_range(&window, &in, &books);
        else if (!add_record(&window, &again, &in, &books))
            break;
    }
    check_books(&window, &books);
    silt_window_done(&window);
    silt_window_done(&again);
    return 0;
}
