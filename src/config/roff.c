#include "config/roff.h"

#include "base/version.h"

#include <stdbool.h>
#include <string.h>

/* A dash that is not \- may become another character than the one to type. */
void silt_roff_text(FILE *out, const char *text)
{
    bool at_start = true;
    for (; *text; text++) {
        if (at_start && strchr(".'", *text)) fputs("\\&", out);
        if (*text == '\\') fputs("\\e", out);
        if (*text == '-') fputs("\\-", out);
        if (!strchr("\\-", *text)) fputc(*text, out);
        at_start = *text == '\n';
    }
}

void silt_roff_title(FILE *out, const char *name, const char *section)
{
    fprintf(out, ".TH %s %s \"\" \"silt %s\" \"silt\"\n", name, section, SILT_VERSION);
}
