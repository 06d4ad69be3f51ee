#include "base/log.h"

#include "base/err.h"
#include "base/thread.h"
#include "harness.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[200];
static int fd;

static void open_log(enum silt_log_level level, enum silt_log_format format)
{
    snprintf(path, sizeof path, "%s/log", silt_test_dir());
    fd = open(path, O_CREAT | O_TRUNC | O_RDWR | O_APPEND, 0600);
    SILT_ASSERT(fd >= 0);
    silt_log_init(level, format, fd);
}

/* What was logged since open_log (free with free()). */
static char *close_log(void)
{
    close(fd);
    silt_log_init(SILT_INFO, SILT_LOG_JSON, STDOUT_FILENO);
    return silt_test_read(path, NULL);
}

static void writes_one_json_object_a_line(void)
{
    open_log(SILT_INFO, SILT_LOG_JSON);
    SILT_LOG(WARN, "slot_lost", "another worker won", SILT_F_STR("topic", "a\"b"),
             SILT_F_STR("key", NULL), SILT_F_INT("seq", 42), SILT_F_DBL("ratio", 0.25));
    SILT_LOG(INFO, "plain", "no fields");
    char *text = close_log();
    CU_ASSERT_EQUAL(strncmp(text, "{\"ts\":\"20", 9), 0);
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "\"level\":\"WARN\",\"event\":\"slot_lost\",\"msg\":\"another worker won\","
                     "\"topic\":\"a\\\"b\",\"seq\":42,\"ratio\":0.25}\n"));
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "\"level\":\"INFO\",\"event\":\"plain\",\"msg\":\"no fields\"}\n"));
    CU_ASSERT_PTR_NULL(strstr(text, "key"));
    free(text);
}

static void writes_plain_text_for_people(void)
{
    open_log(SILT_DEBUG, SILT_LOG_TEXT);
    SILT_LOG(DEBUG, "slot_lost", "another worker won", SILT_F_STR("topic", "a b"),
             SILT_F_STR("key", NULL), SILT_F_INT("seq", 42), SILT_F_DBL("ratio", 0.25));
    char *text = close_log();
    CU_ASSERT_PTR_NOT_NULL(
        strstr(text, "Z DEBUG slot_lost: another worker won topic=\"a b\" seq=42 ratio=0.25\n"));
    free(text);
}

/* From one place in the source. */
static void complain(unsigned n)
{
    for (unsigned i = 0; i < n; i++) SILT_LOG(WARN, "flood", "again and again");
}

static unsigned count(const char *text, const char *part)
{
    unsigned n = 0;
    for (; (text = strstr(text, part)); text += strlen(part)) n++;
    return n;
}

static void a_place_that_floods_does_not_drown_the_others(void)
{
    open_log(SILT_INFO, SILT_LOG_JSON);
    complain(1000);
    SILT_LOG(WARN, "other", "once");
    char *text = close_log();
    CU_ASSERT(count(text, "flood") >= SILT_LOG_SITE_LINES);
    CU_ASSERT(count(text, "flood") < 1000);
    CU_ASSERT_EQUAL(count(text, "other"), 1);
    free(text);
}

static void debug_lines_are_all_there(void)
{
    open_log(SILT_DEBUG, SILT_LOG_JSON);
    for (unsigned i = 0; i < 300; i++) SILT_LOG(DEBUG, "detail", "x");
    char *text = close_log();
    CU_ASSERT_EQUAL(count(text, "detail"), 300);
    free(text);
}

static void what_was_left_out_is_told_later(void)
{
    struct silt_log_site site = {0};
    unsigned suppressed;
    for (unsigned i = 0; i < SILT_LOG_SITE_LINES; i++)
        CU_ASSERT(silt_log_site_pass(&site, 5, &suppressed));
    CU_ASSERT(!silt_log_site_pass(&site, 5, &suppressed));
    CU_ASSERT(!silt_log_site_pass(&site, 4 + SILT_LOG_SITE_MS, &suppressed));
    CU_ASSERT_EQUAL(suppressed, 0);
    CU_ASSERT(silt_log_site_pass(&site, 5 + SILT_LOG_SITE_MS, &suppressed));
    CU_ASSERT_EQUAL(suppressed, 2);
    CU_ASSERT(silt_log_site_pass(&site, 6 + SILT_LOG_SITE_MS, &suppressed));
    CU_ASSERT_EQUAL(suppressed, 0);
    atomic_store(&site.suppressed, 7);
    atomic_store(&site.opened_ms, 1 - SILT_LOG_SITE_MS);
    open_log(SILT_INFO, SILT_LOG_JSON);
    const struct silt_field fields[] = {SILT_F_STR("topic", "t")};
    silt_log_at(&site, SILT_ERROR, "again", "here", fields, 1);
    char *text = close_log();
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "\"topic\":\"t\",\"suppressed\":7}"));
    free(text);
}

static void text_cannot_be_given_a_second_line(void)
{
    open_log(SILT_INFO, SILT_LOG_TEXT);
    SILT_LOG(INFO, "event", "one\n2026 INFO forged: \x1b[2Jtwo");
    char *text = close_log();
    CU_ASSERT_PTR_EQUAL(strchr(text, '\n'), text + strlen(text) - 1);
    CU_ASSERT_PTR_NULL(strchr(text, '\x1b'));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "one 2026 INFO forged:  [2Jtwo\n"));
    free(text);
}

static void lower_levels_are_not_even_computed(void)
{
    int computed = 0;
    open_log(SILT_WARN, SILT_LOG_JSON);
    SILT_LOG(INFO, "quiet", "nothing", SILT_F_INT("n", ++computed));
    silt_log_write(SILT_INFO, "quiet", "nothing", NULL, 0);
    CU_ASSERT_EQUAL(computed, 0);
    CU_ASSERT_FALSE(silt_log_enabled(SILT_INFO));
    CU_ASSERT(silt_log_enabled(SILT_WARN));
    silt_log_set_level(SILT_INFO);
    SILT_LOG(INFO, "loud", "something", SILT_F_INT("n", ++computed));
    CU_ASSERT_EQUAL(computed, 1);
    char *text = close_log();
    CU_ASSERT_PTR_NULL(strstr(text, "quiet"));
    CU_ASSERT_PTR_NOT_NULL(strstr(text, "loud"));
    free(text);
}

static void levels_are_known_by_name(void)
{
    static const char *const names[] = {"debug", "INFO", "Warn", "error", "fatal"};
    for (unsigned i = 0; i < 5; i++) {
        enum silt_log_level level;
        CU_ASSERT(silt_log_level_parse(names[i], &level));
        CU_ASSERT_EQUAL((unsigned)level, i);
    }
    enum silt_log_level level = SILT_FATAL;
    CU_ASSERT_FALSE(silt_log_level_parse("verbose", &level));
    CU_ASSERT_FALSE(silt_log_level_parse("", &level));
    CU_ASSERT_EQUAL(level, SILT_FATAL);
}

static void a_long_text_is_cut(void)
{
    static char text[3000];
    memset(text, 'x', sizeof text - 1);
    open_log(SILT_INFO, SILT_LOG_JSON);
    SILT_LOG(INFO, "long", text, SILT_F_STR("detail", text));
    char *line = close_log();
    CU_ASSERT(strlen(line) > 2000 && strlen(line) < 2200);
    CU_ASSERT_STRING_EQUAL(line + strlen(line) - 4, "x\"}\n");
    free(line);
}

/* Twenty values of 1,000 bytes do not fit a line of 8 KiB. */
static char *log_too_much(enum silt_log_format format, char fill)
{
    char value[1001];
    memset(value, fill, 1000);
    value[1000] = '\0';
    struct silt_field fields[20];
    for (unsigned i = 0; i < 20; i++) fields[i] = SILT_F_STR("value", value);
    open_log(SILT_INFO, format);
    silt_log_write(SILT_INFO, "much", value, fields, 20);
    return close_log();
}

static void a_cut_line_is_still_json(void)
{
    static const char fills[] = {'x', '\x01', '"', '\xff'};
    for (unsigned i = 0; i < sizeof fills; i++) {
        char *line = log_too_much(SILT_LOG_JSON, fills[i]);
        CU_ASSERT(strlen(line) <= 8192);
        CU_ASSERT_STRING_EQUAL(line + strlen(line) - 13, ",\"cut\":true}\n");
        free(line);
    }
}

static void a_text_line_is_cut_too(void)
{
    char *line = log_too_much(SILT_LOG_TEXT, 'x');
    CU_ASSERT_EQUAL(strlen(line), 8192);
    CU_ASSERT_EQUAL(line[8191], '\n');
    free(line);
}

static void a_closed_log_stops_nobody(void)
{
    open_log(SILT_INFO, SILT_LOG_JSON);
    int closed = dup(fd);
    close(closed);
    silt_log_init(SILT_INFO, SILT_LOG_JSON, closed);
    SILT_LOG(INFO, "unheard", "nobody listens");
    char *text = close_log();
    CU_ASSERT_STRING_EQUAL(text, "");
    free(text);
}

static void *log_many(void *ctx)
{
    for (int i = 0; i < 300; i++)
        SILT_LOG(DEBUG, "many", "line", SILT_F_STR("who", ctx), SILT_F_INT("n", i));
    return NULL;
}

static void lines_of_several_threads_do_not_mix(void)
{
    open_log(SILT_DEBUG, SILT_LOG_JSON);
    char name[] = "thread";
    pthread_t threads[3];
    for (int i = 0; i < 3; i++)
        CU_ASSERT_OK(silt_thread_start(&threads[i], "logger", log_many, name, NULL));
    for (int i = 0; i < 3; i++) silt_thread_join(threads[i]);
    char *text = close_log();
    int lines = 0;
    char *rest = NULL;
    for (char *line = strtok_r(text, "\n", &rest); line;
         line = strtok_r(NULL, "\n", &rest), lines++) {
        CU_ASSERT_EQUAL(strncmp(line, "{\"ts\":", 6), 0);
        CU_ASSERT_EQUAL(line[strlen(line) - 1], '}');
    }
    CU_ASSERT_EQUAL(lines, 900);
    free(text);
}

SILT_TESTS("log",
           {"a place that floods does not drown the others",
            a_place_that_floods_does_not_drown_the_others},
           {"debug lines are all there", debug_lines_are_all_there},
           {"what was left out is told later", what_was_left_out_is_told_later},
           {"writes one JSON object a line", writes_one_json_object_a_line},
           {"writes plain text for people", writes_plain_text_for_people},
           {"text cannot be given a second line", text_cannot_be_given_a_second_line},
           {"lower levels are not even computed", lower_levels_are_not_even_computed},
           {"levels are known by name", levels_are_known_by_name},
           {"a long text is cut", a_long_text_is_cut},
           {"a cut line is still JSON", a_cut_line_is_still_json},
           {"a text line is cut too", a_text_line_is_cut_too},
           {"a closed log stops nobody", a_closed_log_stops_nobody},
           {"lines of several threads do not mix", lines_of_several_threads_do_not_mix})
