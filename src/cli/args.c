#include "args_int.h"

#include "base/alloc.h"
#include "base/clock.h"
#include "config/config.h"
#include "config/nearest.h"
#include "config/quantity.h"

#include <string.h>

void silt_args_rest_done(struct silt_args_rest *rest)
{
    silt_free(rest->flags);
    silt_free(rest->words);
    *rest = (struct silt_args_rest){0};
}

/* --- one flag ------------------------------------------------------------------------------ */

const struct silt_flag silt_common_flags[] = {
    {"config", SILT_FLAG_TEXT, "FILE", "configuration file"},
    {"json", SILT_FLAG_SWITCH, NULL, "print JSON for machines"},
    {"help", SILT_FLAG_SWITCH, NULL, "print this help"},
    {0},
};

static unsigned find_row(const struct silt_flag *flags, const char *name, size_t len)
{
    unsigned i = 0;
    while (flags && flags[i].name &&
           !(strlen(flags[i].name) == len && strncmp(flags[i].name, name, len) == 0))
        i++;
    return i;
}

static bool has_row(const struct silt_flag *flags, unsigned row)
{
    return flags && flags[row].name;
}

static const char *expected(enum silt_flag_type type)
{
    static const char *const texts[] = {
        [SILT_FLAG_SWITCH] = "no value",
        [SILT_FLAG_TEXT] = "text",
        [SILT_FLAG_INT] = "a whole number",
        [SILT_FLAG_DOUBLE] = "a number, like 0.01",
        [SILT_FLAG_BYTES] = "a size, like 64MiB",
        [SILT_FLAG_DURATION] = "a duration, like 10s",
        [SILT_FLAG_TIME] = "a time in UTC, like 2026-01-31T09:00:00Z",
    };
    return texts[type];
}

static bool read_number(enum silt_flag_type type, const char *text, int64_t *ret_number)
{
    if (type == SILT_FLAG_INT) return silt_quantity_int(text, ret_number);
    if (type == SILT_FLAG_BYTES) return silt_quantity_bytes(text, ret_number);
    if (type == SILT_FLAG_DURATION) return silt_quantity_duration(text, ret_number);
    if (type != SILT_FLAG_TIME) return true;
    *ret_number = silt_iso_parse(text);
    return *ret_number >= 0;
}

static struct silt_rc set_flag(struct silt_args *args, unsigned row, const char *text,
                               struct silt_err *err)
{
    const struct silt_flag *flag = &args->command->flags[row];
    int64_t number = 0;
    double real = 0;
    bool good = read_number(flag->type, text, &number);
    if (flag->type == SILT_FLAG_DOUBLE) good = silt_quantity_double(text, &real);
    if (!good)
        SILT_FAIL(err, USAGE, "--%s is \"%.60s\", but must be %s", flag->name, text,
                  expected(flag->type));
    args->flags[row].set = true;
    args->flags[row].text = text;
    args->flags[row].number = number;
    args->flags[row].real = real;
    return SILT_OK;
}

static void set_common(struct silt_args *args, struct silt_args_rest *rest, unsigned row,
                       const char *text)
{
    const char *name = silt_common_flags[row].name;
    if (strcmp(name, "config") == 0) rest->config_file = text;
    if (strcmp(name, "json") == 0) args->json = true;
    if (strcmp(name, "help") == 0) rest->help = true;
}

static struct silt_rc fail_unknown(const struct silt_args *args, const char *name, size_t len,
                                   struct silt_err *err)
{
    char *word silt_auto(silt_free_auto) = silt_strndup(name, len);
    struct silt_nearest nearest = {.word = word};
    const struct silt_flag *const tables[] = {args->command->flags, silt_common_flags};
    for (unsigned t = 0; t < 2; t++)
        for (unsigned i = 0; has_row(tables[t], i); i++)
            silt_nearest_offer(&nearest, tables[t][i].name);
    if (nearest.best)
        SILT_FAIL(err, USAGE, "unknown flag --%.60s; did you mean --%s?", word, nearest.best);
    SILT_FAIL(err, USAGE, "unknown flag --%.60s; see silt %s --help", word, args->command->name);
}

/* The value of a flag: behind "=", or the next argument. @return NULL when there is none. */
static const char *take_value(const struct silt_flag *flag, const char *const *argv, unsigned n,
                              unsigned *ret_used)
{
    const char *equals = strchr(argv[0], '=');
    *ret_used = 1;
    if (flag->type == SILT_FLAG_SWITCH) return equals ? NULL : "";
    if (equals) return equals + 1;
    *ret_used = 2;
    return n > 1 ? argv[1] : NULL;
}

static struct silt_rc parse_flag(struct silt_args *args, struct silt_args_rest *rest,
                                 const char *const *argv, unsigned n, unsigned *ret_used,
                                 struct silt_err *err)
{
    const char *name = argv[0] + 2;
    const size_t len = strcspn(name, "=");
    const unsigned own = find_row(args->command->flags, name, len);
    const unsigned common = find_row(silt_common_flags, name, len);
    const bool is_own = has_row(args->command->flags, own);
    if (!is_own && !has_row(silt_common_flags, common)) return fail_unknown(args, name, len, err);
    const struct silt_flag *flag = is_own ? &args->command->flags[own] : &silt_common_flags[common];
    const char *text = take_value(flag, argv, n, ret_used);
    if (!text && flag->type == SILT_FLAG_SWITCH)
        SILT_FAIL(err, USAGE, "--%s takes no value", flag->name);
    if (!text)
        SILT_FAIL(err, USAGE, "--%s needs a value: --%s %s", flag->name, flag->name, flag->value);
    if (is_own) return set_flag(args, own, text, err);
    set_common(args, rest, common, text);
    return SILT_OK;
}

/* --- all of them --------------------------------------------------------------------------- */

static void keep_config_flags(struct silt_args_rest *rest, const char *const *argv, unsigned n)
{
    for (unsigned i = 0; i < n; i++) rest->flags[rest->flags_n++] = argv[i];
}

static bool is_own_flag(const struct silt_args *args, const char *arg)
{
    const char *name = arg + 2;
    return has_row(args->command->flags, find_row(args->command->flags, name, strcspn(name, "=")));
}

/* One argument, or a flag with its value. */
static struct silt_rc parse_one(struct silt_args *args, struct silt_args_rest *rest,
                                const char *const *argv, unsigned n, unsigned *ret_used,
                                struct silt_err *err)
{
    *ret_used = 1;
    if (strcmp(argv[0], "-h") == 0) {
        rest->help = true;
        return SILT_OK;
    }
    if (argv[0][0] != '-' || argv[0][1] == '\0') {
        rest->words[args->words_n++] = argv[0];
        return SILT_OK;
    }
    if (strncmp(argv[0], "--", 2) != 0)
        SILT_FAIL(err, USAGE, "unknown flag %.60s; see silt %s --help", argv[0],
                  args->command->name);
    const unsigned config_n = silt_config_flag_args(argv, n);
    if (config_n > 0 && !is_own_flag(args, argv[0])) {
        keep_config_flags(rest, argv, config_n);
        *ret_used = config_n;
        return SILT_OK;
    }
    return parse_flag(args, rest, argv, n, ret_used, err);
}

static struct silt_rc check_words(const struct silt_args *args, struct silt_err *err)
{
    const struct silt_command *command = args->command;
    if (args->words_n < command->words_min)
        SILT_FAIL(err, USAGE, "something is missing; usage: silt %s %s", command->name,
                  command->usage);
    if (args->words_n > command->words_max)
        SILT_FAIL(err, USAGE, "\"%.60s\" is one word too many; see silt %s --help",
                  args->words[command->words_max], command->name);
    return SILT_OK;
}

struct silt_rc silt_args_parse(struct silt_args *args, struct silt_args_rest *ret_rest,
                               const char *const *argv, unsigned argc, struct silt_err *err)
{
    *ret_rest = (struct silt_args_rest){
        .flags = silt_calloc(argc + 1, sizeof(char *)),
        .words = silt_calloc(argc + 1, sizeof(char *)),
    };
    args->words = ret_rest->words;
    bool only_words = false;
    unsigned used = 0;
    for (unsigned i = 0; i < argc; i += used) {
        used = 1;
        if (only_words) {
            ret_rest->words[args->words_n++] = argv[i];
            continue;
        }
        only_words = strcmp(argv[i], "--") == 0;
        if (only_words) continue;
        SILT_TRY(parse_one(args, ret_rest, argv + i, argc - i, &used, err));
    }
    if (ret_rest->help) return SILT_OK;
    return check_words(args, err);
}

/* --- asking for them ----------------------------------------------------------------------- */

static unsigned row_of(const struct silt_args *args, const char *name)
{
    const unsigned row = find_row(args->command->flags, name, strlen(name));
    SILT_ASSERT(has_row(args->command->flags, row));
    return row;
}

bool silt_args_switch(const struct silt_args *args, const char *name)
{
    return args->flags[row_of(args, name)].set;
}

const char *silt_args_text(const struct silt_args *args, const char *name, const char *preset)
{
    const unsigned row = row_of(args, name);
    return args->flags[row].set ? args->flags[row].text : preset;
}

int64_t silt_args_int(const struct silt_args *args, const char *name, int64_t preset)
{
    const unsigned row = row_of(args, name);
    const enum silt_flag_type type = args->command->flags[row].type;
    SILT_ASSERT(type == SILT_FLAG_INT || type >= SILT_FLAG_BYTES);
    return args->flags[row].set ? args->flags[row].number : preset;
}

double silt_args_double(const struct silt_args *args, const char *name, double preset)
{
    const unsigned row = row_of(args, name);
    SILT_ASSERT(args->command->flags[row].type == SILT_FLAG_DOUBLE);
    return args->flags[row].set ? args->flags[row].real : preset;
}
