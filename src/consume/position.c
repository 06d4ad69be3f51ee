#include "consume/position.h"

#include "base/err.h"

static const struct silt_position_verdict accepted = {.kind = SILT_POS_ACCEPT};
static const struct silt_position_verdict dropped = {.kind = SILT_POS_DROP};

void silt_position_start(struct silt_position *pos, int64_t offset)
{
    SILT_ASSERT(offset >= -1);
    pos->epoch++;
    pos->seeking = false;
    if (offset == pos->expected) { /* a retry of the same place: its errors still count */
        if (pos->skipped) pos->skipped--;
        return;
    }
    pos->expected = offset;
    pos->errors = 0;
    pos->suspect = false;
    pos->skipped = 0;
}

static bool is_current(const struct silt_position *pos, uint32_t epoch)
{
    return epoch == pos->epoch && pos->expected >= 0 && !pos->seeking;
}

/* Moves to `next`; what lies between the old position and `here` is missing. */
static struct silt_position_verdict advance(struct silt_position *pos, int64_t here, int64_t next)
{
    struct silt_position_verdict verdict = accepted;
    if (here > pos->expected) {
        verdict.kind = pos->suspect ? SILT_POS_UNREADABLE : SILT_POS_HOLE;
        verdict.first = pos->expected;
        verdict.last = here - 1;
    }
    pos->expected = next;
    pos->errors = 0;
    pos->suspect = false;
    pos->skipped = 0;
    return verdict;
}

struct silt_position_verdict silt_position_message(struct silt_position *pos, uint32_t epoch,
                                                   int64_t offset)
{
    if (!is_current(pos, epoch) || offset < pos->expected) {
        pos->dropped++;
        return dropped;
    }
    return advance(pos, offset, offset + 1);
}

struct silt_position_verdict silt_position_end(struct silt_position *pos, uint32_t epoch,
                                               int64_t end)
{
    if (!is_current(pos, epoch) || end <= pos->expected) return dropped;
    return advance(pos, end, end);
}

enum silt_error_verdict silt_position_error(struct silt_position *pos, uint32_t epoch,
                                            unsigned retries)
{
    if (!is_current(pos, epoch)) return SILT_POS_IGNORE;
    if (pos->suspect) return SILT_POS_SKIP;
    pos->seeking = pos->errors++ < retries;
    if (pos->seeking) return SILT_POS_SEEK;
    pos->suspect = true;
    return SILT_POS_GIVE_UP;
}

bool silt_position_hold(struct silt_position *pos, uint32_t epoch)
{
    if (!is_current(pos, epoch)) return false;
    pos->seeking = true;
    return true;
}

int64_t silt_position_skip(struct silt_position *pos)
{
    SILT_ASSERT(pos->suspect);
    pos->epoch++;
    return pos->expected + ++pos->skipped;
}
