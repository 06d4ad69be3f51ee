#include "commit/gc.h"

#include <string.h>

enum silt_gc_verdict silt_gc_decide_slot(const struct silt_manifest *decided, const char *upload_id)
{
    if (!decided) return SILT_GC_KEEP;
    for (unsigned i = 0; i < decided->files_n; i++)
        if (strcmp(decided->files[i].upload_id, upload_id) == 0) return SILT_GC_KEEP;
    return SILT_GC_ABORT;
}

enum silt_gc_verdict silt_gc_decide_repair(const struct silt_repair *decided, const char *upload_id)
{
    if (!decided) return SILT_GC_KEEP;
    bool listed = !decided->lost && strcmp(decided->with.upload_id, upload_id) == 0;
    return listed ? SILT_GC_KEEP : SILT_GC_ABORT;
}
