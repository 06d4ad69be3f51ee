/* R8 on any stream of messages, ends, errors and seeks: between two seeks to elsewhere, what is
 * accepted and what is booked as missing tile the offsets without overlap and without a gap.
 */
#include "consume/position.h"

#include "fuzz.h"

#define FAR (INT64_MAX >> 1)

struct books {
    int64_t covered; /* everything below is accepted or booked; -1: nothing counts */
    uint64_t dropped;
    bool suspect; /* retries were used up at `covered` */
};

static uint32_t epoch(struct fuzz_in *in, const struct silt_position *pos)
{
    return fuzz_one_in(in, 6) ? pos->epoch - fuzz_byte(in) : pos->epoch;
}

static int64_t near(struct fuzz_in *in, int64_t offset)
{
    int64_t there = (offset < 0 ? 0 : offset) + (int64_t)fuzz_below(in, 16) - 4;
    if (fuzz_one_in(in, 16)) there = fuzz_long(in) & FAR;
    return there < 0 ? 0 : there;
}

static void check_range(const struct silt_position_verdict *verdict, struct books *books,
                        int64_t here)
{
    if (here == books->covered) {
        FUZZ_CHECK(verdict->kind == SILT_POS_ACCEPT);
    } else {
        FUZZ_CHECK(verdict->kind == (books->suspect ? SILT_POS_UNREADABLE : SILT_POS_HOLE));
        FUZZ_CHECK(verdict->first == books->covered && verdict->last == here - 1);
    }
    books->suspect = false;
}

static void message(struct silt_position *pos, struct fuzz_in *in, struct books *books)
{
    uint32_t of = epoch(in, pos);
    int64_t offset = near(in, books->covered);
    bool wanted = of == pos->epoch && books->covered >= 0 && offset >= books->covered;
    struct silt_position_verdict verdict = silt_position_message(pos, of, offset);
    FUZZ_CHECK((verdict.kind != SILT_POS_DROP) == wanted);
    books->dropped += !wanted;
    if (!wanted) return;
    check_range(&verdict, books, offset);
    books->covered = offset + 1;
}

static void end(struct silt_position *pos, struct fuzz_in *in, struct books *books)
{
    uint32_t of = epoch(in, pos);
    int64_t offset = near(in, books->covered);
    bool news = of == pos->epoch && books->covered >= 0 && offset > books->covered;
    struct silt_position_verdict verdict = silt_position_end(pos, of, offset);
    FUZZ_CHECK((verdict.kind != SILT_POS_DROP) == news);
    if (!news) return;
    check_range(&verdict, books, offset);
    books->covered = offset;
}

static void damage(struct silt_position *pos, struct fuzz_in *in, struct books *books)
{
    uint32_t of = epoch(in, pos);
    uint32_t before = pos->epoch;
    switch (silt_position_error(pos, of, 3)) {
    case SILT_POS_IGNORE: FUZZ_CHECK(of != before || books->covered < 0); return;
    case SILT_POS_SEEK: silt_position_start(pos, books->covered); break;
    case SILT_POS_GIVE_UP: books->suspect = true; return;
    default: /* SKIP */ FUZZ_CHECK(books->suspect && silt_position_skip(pos) > books->covered);
    }
    FUZZ_CHECK(pos->epoch == before + 1);
}

static void seek(struct silt_position *pos, struct fuzz_in *in, struct books *books)
{
    int64_t to = fuzz_one_in(in, 4) ? -1 : near(in, books->covered);
    silt_position_start(pos, to);
    if (to != books->covered) books->suspect = false;
    books->covered = to;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    struct silt_position pos = {0};
    struct books books = {0};
    silt_position_start(&pos, 0);
    while (fuzz_more(&in)) {
        switch (fuzz_below(&in, 8)) {
        case 0: seek(&pos, &in, &books); break;
        case 1: end(&pos, &in, &books); break;
        case 2:
        case 3: damage(&pos, &in, &books); break;
        default: message(&pos, &in, &books);
        }
        FUZZ_CHECK(pos.expected == books.covered && pos.dropped == books.dropped);
    }
    return 0;
}
