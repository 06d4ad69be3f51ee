/* Where a partition goes on, for any tail and any bounds: no offset between the tail and the first
 * fetch is left out in silence (R1), and nothing is fetched that the broker does not have.
 */
#include "commit/start.h"

#include "fuzz.h"

/* Kafka's offsets, and -1 where a value may be unknown. */
static int64_t offset(struct fuzz_in *in, int64_t least)
{
    int64_t value = (fuzz_long(in) & INT64_MAX) >> fuzz_below(in, 63);
    return fuzz_one_in(in, 8) ? least : value;
}

static void check_tail(const struct silt_start *start, int64_t tail, int64_t diverged)
{
    FUZZ_CHECK(start->from == tail);
    if (start->kind == SILT_START_AT) FUZZ_CHECK(start->offset == tail);
    if (start->kind == SILT_START_GAP) FUZZ_CHECK(start->offset > tail);
    if (start->kind == SILT_START_LINEAGE) FUZZ_CHECK(start->offset < tail);
    if (diverged >= 0 && diverged < tail) FUZZ_CHECK(start->offset == diverged);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_in in = fuzz_in(data, size);
    int64_t tail = offset(&in, -1);
    int64_t a = offset(&in, 0);
    int64_t b = offset(&in, 0);
    int64_t diverged = offset(&in, -1);
    enum silt_genesis genesis = (enum silt_genesis)fuzz_below(&in, 2);
    int64_t log_start = a < b ? a : b;
    int64_t end = a < b ? b : a;
    struct silt_start start = silt_start_decide(tail, log_start, end, diverged, genesis);
    if (tail < 0) {
        FUZZ_CHECK(start.kind == SILT_START_AT && start.from == start.offset);
        FUZZ_CHECK(start.offset == (genesis == SILT_GENESIS_LATEST ? end : log_start));
        return 0;
    }
    check_tail(&start, tail, diverged);
    bool known_diverged = diverged >= 0 && diverged < tail;
    if (!known_diverged) FUZZ_CHECK(start.offset >= log_start && start.offset <= end);
    return 0;
}
