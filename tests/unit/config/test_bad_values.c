/* Every option of the table with values of its type that are wrong, from the command line and the
 * file: refused, and the message names
 * the option or its line. */
#include "bad_input.h"
#include "option_int.h"

#include "base/alloc.h"

static const char *const no_number[] = {"", "x", "1x", "--1", "0x10", "1e9", "9223372036854775808"};
static const char *const no_word[] = {"", "maybe", "TRUE ", "yes|no", "2"};

/* Wrong for every option of the type. @return how many. */
static size_t bad_values(enum silt_option_type type, const char *const **ret_values)
{
    switch (type) {
    case SILT_OPT_INT:
    case SILT_OPT_BYTES:
    case SILT_OPT_DURATION: *ret_values = no_number; return sizeof no_number / sizeof no_number[0];
    case SILT_OPT_BOOL:
    case SILT_OPT_ENUM: *ret_values = no_word; return sizeof no_word / sizeof no_word[0];
    default: return 0;
    }
}

static bool is_refused(const struct silt_config_input *input, const char *named)
{
    struct silt_config *config = NULL;
    struct silt_err err = {0};
    if (silt_ok(silt_config_load(input, &config, &err))) {
        silt_config_free(config);
        fprintf(stderr, "\n  accepted: %s\n", input->flags_n ? input->flags[0] : input->file);
        return false;
    }
    if (err.code == SILT_E_CONFIG && strstr(err.text, named)) return true;
    fprintf(stderr, "\n  does not name %s: %s\n", named, err.text);
    return false;
}

static unsigned check_flags(const struct silt_option *option)
{
    const char *const *values = NULL;
    size_t n = bad_values(option->type, &values);
    for (size_t i = 0; i < n; i++) {
        if (!*values[i] && !*option->preset) continue; /* "" is a value of it */
        char *flag = silt_asprintf("--%s=%s", option->name, values[i]);
        const char *const flags[] = {flag};
        CU_ASSERT(
            is_refused(&(struct silt_config_input){.flags = flags, .flags_n = 1}, option->name));
        silt_free(flag);
    }
    return (unsigned)n;
}

static void a_wrong_value_is_refused_by_name(void)
{
    unsigned n = 0;
    for (unsigned i = 0; i < silt_options_n; i++) n += check_flags(&silt_options[i]);
    CU_ASSERT(n > 100);
}

/* A name nobody knows, and a map or list where a value belongs. */
static void a_wrong_shape_is_refused_with_its_line(void)
{
    static const char *const forms[] = {": {a: {b: c}}\n", ": [[a]]\n", ":\n  - - a\n", "x: 1\n"};
    for (unsigned i = 0; i < silt_options_n; i++) {
        char section[SILT_OPTION_NAME_MAX];
        const char *leaf = silt_option_leaf(&silt_options[i]);
        snprintf(section, sizeof section, "%s", silt_options[i].name);
        if (leaf == silt_options[i].name) continue;
        section[leaf - silt_options[i].name - 1] = '\0';
        for (size_t k = 0; k < sizeof forms / sizeof forms[0]; k++) {
            char *text = silt_asprintf("%s:\n  %s%s", section, leaf, forms[k]);
            write_file("silt.yaml", text);
            CU_ASSERT(is_refused(&(struct silt_config_input){.file = "silt.yaml"}, "silt.yaml:"));
            silt_free(text);
        }
    }
}

SILT_TESTS("bad values", {"a wrong value is refused by name", a_wrong_value_is_refused_by_name},
           {"a wrong shape is refused with its line", a_wrong_shape_is_refused_with_its_line})
