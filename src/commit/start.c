#include "commit/start.h"

struct silt_start silt_start_decide(int64_t tail_next, int64_t log_start, int64_t end,
                                    int64_t diverged_at, enum silt_genesis genesis)
{
    if (tail_next < 0) {
        int64_t first = genesis == SILT_GENESIS_LATEST ? end : log_start;
        return (struct silt_start){.kind = SILT_START_AT, .from = first, .offset = first};
    }
    if (diverged_at >= 0 && diverged_at < tail_next)
        return (struct silt_start){
            .kind = SILT_START_LINEAGE, .from = tail_next, .offset = diverged_at};
    if (tail_next > end)
        return (struct silt_start){.kind = SILT_START_LINEAGE, .from = tail_next, .offset = end};
    if (tail_next < log_start)
        return (struct silt_start){.kind = SILT_START_GAP, .from = tail_next, .offset = log_start};
    return (struct silt_start){.kind = SILT_START_AT, .from = tail_next, .offset = tail_next};
}
