/* `silt config --explain`: every option, its value, and who said so. */
#include "base/alloc.h"
#include "base/jsonw.h"
#include "config_int.h"
#include "value_int.h"

#include <stdio.h>
#include <string.h>

#define NAME_WIDTH 32
#define VALUE_WIDTH 28

static void write_origin(FILE *out, const struct silt_origin *origin)
{
    fputs(origin->where ? origin->where : "default", out);
    if (origin->file) fprintf(out, " (%s)", origin->file);
    fputc('\n', out);
}

/* Control characters of a property's value must not reach a terminal. */
static void write_plain(FILE *out, const char *text)
{
    for (; *text; text++) fputc((unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text, out);
}

static void explain_one(const struct silt_config *config, const struct silt_option *option,
                        FILE *out)
{
    struct silt_buf value silt_auto(silt_buf_done);
    silt_buf_init(&value, SILT_BUF_MAX_DEFAULT);
    silt_value_write(&value, config, option);
    const char *text = value.len ? silt_buf_str(&value) : "\"\"";
    fprintf(out, "%-*s  ", NAME_WIDTH, option->name);
    write_plain(out, text);
    const int pad = VALUE_WIDTH - (int)strlen(text);
    fprintf(out, "%*s  ", pad > 0 ? pad : 0, "");
    write_origin(out, silt_config_origin(config, option->name));
}

void silt_config_explain(const struct silt_config *config, FILE *out)
{
    fprintf(out, "%-*s  %-*s  %s\n", NAME_WIDTH, "option", VALUE_WIDTH, "value", "set by");
    for (unsigned i = 0; i < silt_options_n; i++) explain_one(config, &silt_options[i], out);
}

static void explain_json_one(struct silt_jsonw *w, const struct silt_config *config,
                             const struct silt_option *option)
{
    struct silt_buf value silt_auto(silt_buf_done);
    silt_buf_init(&value, SILT_BUF_MAX_DEFAULT);
    silt_value_write(&value, config, option);
    const struct silt_origin *origin = silt_config_origin(config, option->name);
    silt_jsonw_key(w, option->name);
    silt_jsonw_open(w, '{');
    silt_jsonw_kstr(w, "value", silt_buf_str(&value));
    silt_jsonw_kstr(w, "set_by", origin->where ? origin->where : "default");
    if (origin->file) silt_jsonw_kstr(w, "file", origin->file);
    silt_jsonw_close(w, '}');
}

void silt_config_explain_json(const struct silt_config *config, FILE *out)
{
    struct silt_buf json silt_auto(silt_buf_done);
    silt_buf_init(&json, SILT_BUF_MAX_DEFAULT);
    struct silt_jsonw w;
    silt_jsonw_init(&w, &json);
    silt_jsonw_open(&w, '{');
    for (unsigned i = 0; i < silt_options_n; i++) explain_json_one(&w, config, &silt_options[i]);
    silt_jsonw_close(&w, '}');
    fprintf(out, "%s\n", silt_buf_str(&json));
}
