#include "cli/terminal.h"

#include "base/alloc.h"
#include "base/jsonw.h"

#include <string.h>
#include <unistd.h>

static const char *find_variable(char *const *env, const char *name)
{
    const size_t len = strlen(name);
    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=') return *env + len + 1;
    return "";
}

void silt_out_init(struct silt_out *out, FILE *file, char *const *env)
{
    const int fd = fileno(file);
    const bool terminal = fd >= 0 && isatty(fd);
    const bool wanted = !*find_variable(env, "NO_COLOR");
    const bool able = strcmp(find_variable(env, "TERM"), "dumb") != 0;
    *out = (struct silt_out){
        .file = file, .terminal = terminal && able, .color = terminal && wanted && able};
}

const char *silt_out_color(const struct silt_out *out, enum silt_color color)
{
    static const char *const sequences[] = {
        [SILT_PLAIN] = "\033[0m", [SILT_BOLD] = "\033[1m",   [SILT_DIM] = "\033[2m",
        [SILT_RED] = "\033[31m",  [SILT_GREEN] = "\033[32m", [SILT_YELLOW] = "\033[33m",
    };
    return out->color ? sequences[color] : "";
}

/* Length of the character at `at` that a terminal may show; 0: none. C1 controls (U+0080 to U+009F)
 * steer terminals just as ESC does. */
static unsigned showable(const char *at)
{
    const unsigned char first = (unsigned char)at[0];
    const unsigned len = silt_utf8_sequence((const uint8_t *)at, strlen(at));
    const bool control =
        first < ' ' || first == 0x7f || (first == 0xc2 && (unsigned char)at[1] < 0xa0);
    return control ? 0 : len;
}

void silt_out_clean(struct silt_buf *to, const char *text)
{
    while (*text) {
        const unsigned len = showable(text);
        if (len > 0) (void)silt_buf_append(to, text, len);
        if (len == 0) (void)silt_buf_append_char(to, '?');
        text += len > 0 ? len : 1;
    }
}

void silt_out_text(const struct silt_out *out, const char *text)
{
    struct silt_buf clean silt_auto(silt_buf_done);
    silt_buf_init(&clean, SILT_BUF_MAX_DEFAULT);
    silt_out_clean(&clean, text);
    fputs(silt_buf_str(&clean), out->file);
}
