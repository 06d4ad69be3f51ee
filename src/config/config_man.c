/* `silt config --man`: silt.yaml(5), from the option table. */
#include "base/alloc.h"
#include "base/buf.h"
#include "config/roff.h"
#include "option_int.h"
#include "value_int.h"

#include <stdio.h>

static const char head[] =
    ".SH NAME\n"
    "silt.yaml \\- configuration of silt\n"
    ".SH DESCRIPTION\n"
    "YAML: sections, and options indented below them. Each option can also be set by a flag of\n"
    ".BR silt (1)\n"
    "(\\-\\-archive.max_bytes=64MiB) or by a variable (SILT_ARCHIVE_MAX_BYTES=64MiB); a flag "
    "counts\n"
    "more than a variable, a variable more than the file. A misspelt name is an error.\n"
    ".PP\n"
    "A size is a number of bytes or has a unit (256MiB, 8MB, 4096). A duration has units (500ms, "
    "10s,\n"
    "4h, 1h30m). A list is written as in YAML, or a,b. A map is name: value lines below its "
    "option.\n"
    "A secret may be kept in a file of its own, named by the option with _file behind its name.\n";

static const char tail[] =
    ".SH FILES\n"
    ".TP\n"
    ".I silt.yaml\n"
    "in the current folder, unless \\-\\-config or SILT_CONFIG name another file\n"
    ".SH SEE ALSO\n"
    ".BR silt (1)\n";

static void write_option(FILE *out, const struct silt_option *option)
{
    struct silt_buf expected silt_auto(silt_buf_done);
    silt_buf_init(&expected, SILT_BUF_MAX_DEFAULT);
    silt_value_expected(&expected, option);
    fputs(".TP\n.B ", out);
    silt_roff_text(out, option->name);
    fputc('\n', out);
    silt_roff_text(out, option->text);
    fputs("\n.br\n", out);
    silt_roff_text(out, silt_buf_str(&expected));
    if (*option->preset) {
        fputs("; default ", out);
        silt_roff_text(out, option->preset);
    }
    fputc('\n', out);
}

void silt_config_man(FILE *out)
{
    silt_roff_title(out, "SILT.YAML", "5");
    fputs(head, out);
    for (unsigned s = 0; s < silt_sections_n; s++) {
        fprintf(out, ".SH %s\n", silt_sections[s].name);
        silt_roff_text(out, silt_sections[s].text);
        fputc('\n', out);
        for (unsigned i = 0; i < silt_options_n; i++)
            if (silt_option_in_section(&silt_options[i], silt_sections[s].name))
                write_option(out, &silt_options[i]);
    }
    fputs(tail, out);
}
