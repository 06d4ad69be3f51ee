/* Rules of batching: which file of the window a record belongs to, and when the window closes.
 * Pure: no clock, no I/O.
 *
 * A window is the growing range of one partition's offsets. Its files are keyed by (role, time
 * bucket, schema): late data goes to its own hour, alternating schemas keep one file each. At most
 * max_files data files; a record whose bucket would need one more goes to the `mixed` file of its
 * schema; when even those are used up the window closes. The mapping depends only on the records in
 * order and on `struct silt_cut`, so a repair can replay it. One owner (the consume thread).
 */
#ifndef SILT_BATCH_WINDOW_H
#define SILT_BATCH_WINDOW_H

#include "record/key.h"
#include "record/record.h"

#include <stdbool.h>
#include <stdint.h>

#define SILT_WINDOW_FILES_MAX 32 /* data + mixed + rejected + tombstone, all together */
#define SILT_HOLES_MAX 1000      /* ranges of a window, holes and unreadable ones: then it closes */
#define SILT_CUT_FILES_MAX 16

/* Written into the manifest: what makes the mapping reproducible. */
struct silt_cut {
    enum silt_bucket_unit unit;
    unsigned max_files;   /* data files with a bucket of their own, 1…SILT_CUT_FILES_MAX */
    bool time_from_field; /* the record's own time field, else Kafka's timestamp */
};

/* Reaching a limit closes the window; an empty one never closes. Check after each record and range.
 */
struct silt_window_limits {
    int64_t bytes_max;   /* raw bytes, all files */
    int64_t records_max; /* rejected ones too */
    int64_t age_max_ms;  /* since the first record or hole, always on */
};

struct silt_range {
    int64_t first; /* closed range */
    int64_t last;
};

enum silt_close_reason {
    SILT_CLOSE_NONE,
    SILT_CLOSE_BYTES,
    SILT_CLOSE_RECORDS,
    SILT_CLOSE_AGE,
    SILT_CLOSE_FILES, /* no file left for the next record: close, then offer it to the next window
                       */
    SILT_CLOSE_HOLES,
    SILT_CLOSE_MEMORY,
    SILT_CLOSE_REVOKE,
    SILT_CLOSE_STOP,
};
const char *silt_close_reason_name(enum silt_close_reason reason);

struct silt_window_file {
    enum silt_role role;
    int64_t
        bucket; /* SILT_BUCKET_MIXED for the overflow file; of the first record for other roles */
    const void *schema; /* identity of the writer schema; NULL for rejected and tombstone */
    int64_t records;
    int64_t bytes; /* raw */
    int64_t first; /* offsets */
    int64_t last;
};

struct silt_window {
    struct silt_cut cut;
    struct silt_window_limits limits;
    int64_t start;   /* first offset of the range, next(n-1) (R1) */
    int64_t next;    /* last consumed offset + 1 (R2) */
    int64_t records; /* in data and tombstone files */
    int64_t rejected;
    int64_t bytes;
    int64_t opened_ms; /* monotonic; of the first record or hole; -1 while empty */
    int64_t ts_min;    /* of the records; INT64_MAX / INT64_MIN while there are none */
    int64_t ts_max;
    int32_t epoch_first; /* leader epochs; -1 unknown */
    int32_t epoch_last;
    struct silt_window_file files[SILT_WINDOW_FILES_MAX];
    unsigned files_n;
    unsigned data_files_n;    /* with a bucket of their own */
    unsigned last_file;       /* of the last placed record: looked at first */
    struct silt_range *holes; /* owned */
    unsigned holes_n;
    struct silt_range *unreadable; /* owned */
    unsigned unreadable_n;
};

void silt_window_init(struct silt_window *window, const struct silt_cut *cut,
                      const struct silt_window_limits *limits, int64_t start);
void silt_window_done(struct silt_window *window);

/* The record's time for bucketing, given the verdict's time field. */
int64_t silt_cut_time(const struct silt_cut *cut, int64_t kafka_ms, int64_t field_ms);

/* Index of the file for the record, opening it when needed; -1 when the window must be closed first
 * (FILES), nothing was opened then. Rejected and tombstone records have one file each, whatever
 * their time. */
int silt_window_place(struct silt_window *window, enum silt_role role, int64_t time_ms,
                      const void *schema);
/* Books a placed record: offset must be `next` (holes are booked before). raw_bytes as written into
 * the file. */
void silt_window_add(struct silt_window *window, int file, const struct silt_record *rec,
                     int64_t raw_bytes, int64_t now_ms);
/* Books offsets [first, last] that hold no record (control records, aborted transactions,
 * compaction), or that cannot be read. Neighbouring ranges are joined. */
void silt_window_hole(struct silt_window *window, int64_t first, int64_t last, int64_t now_ms);
void silt_window_unreadable(struct silt_window *window, int64_t first, int64_t last,
                            int64_t now_ms);

bool silt_window_is_empty(const struct silt_window *window); /* neither records nor holes */
enum silt_close_reason silt_window_should_close(const struct silt_window *window, int64_t now_ms);
/* When age alone would close it (monotonic ms), INT64_MAX while empty. */
int64_t silt_window_closes_at(const struct silt_window *window);

#endif
