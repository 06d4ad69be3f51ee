#include "cli/verify_json.h"

#include "base/alloc.h"
#include "base/jsonw.h"

void silt_verify_totals_json(FILE *out, const struct silt_verify_totals *totals)
{
    struct silt_buf line silt_auto(silt_buf_done);
    struct silt_jsonw w;
    silt_buf_init(&line, SILT_BUF_MAX_DEFAULT);
    silt_jsonw_init(&w, &line);
    silt_jsonw_open(&w, '{');
    silt_jsonw_kbool(&w, "ok", totals->faults == 0);
    silt_jsonw_kuint(&w, "partitions", totals->partitions);
    silt_jsonw_kuint(&w, "slots", totals->slots);
    silt_jsonw_kuint(&w, "files", totals->files);
    silt_jsonw_kuint(&w, "records", totals->records);
    silt_jsonw_kuint(&w, "rejected", totals->rejected);
    silt_jsonw_kuint(&w, "bytes", totals->bytes);
    silt_jsonw_kuint(&w, "pending", totals->pending);
    silt_jsonw_kuint(&w, "faults", totals->faults);
    silt_jsonw_close(&w, '}');
    fprintf(out, "%s\n", silt_buf_str(&line));
}
