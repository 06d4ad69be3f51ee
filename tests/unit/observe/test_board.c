#include "observe/board_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <stdio.h>
#include <string.h>

static struct silt_lag lag_of(const char *topic, int32_t partition, int64_t lag)
{
    struct silt_lag result = {
        .tp = {.cluster = "c", .topic_id = "id", .partition = partition}, .lag = lag, .high = lag};
    snprintf(result.tp.topic, sizeof result.tp.topic, "%s", topic);
    return result;
}

static void say(struct silt_board *board, const char *topic, int32_t partition, int64_t lag)
{
    const struct silt_lag said = lag_of(topic, partition, lag);
    silt_board_lag(board, &said);
}

static unsigned lags_n(struct silt_board *board)
{
    struct silt_lag *lags;
    unsigned n;
    silt_board_lags(board, &lags, &n);
    silt_free(lags);
    return n;
}

static void lags_come_back_in_order_and_once_per_partition(void)
{
    struct silt_board *board = silt_board_new(0, 0);
    CU_ASSERT_EQUAL(lags_n(board), 0);
    say(board, "b", 0, 1);
    say(board, "a", 10, 2);
    say(board, "a", 9, 3);
    say(board, "a", 9, 4);
    struct silt_lag *lags;
    unsigned n;
    silt_board_lags(board, &lags, &n);
    CU_ASSERT_EQUAL(n, 3);
    CU_ASSERT_EQUAL(lags[0].tp.partition, 9);
    CU_ASSERT_EQUAL(lags[0].lag, 4);
    CU_ASSERT_EQUAL(lags[1].tp.partition, 10);
    CU_ASSERT_STRING_EQUAL(lags[2].tp.topic, "b");
    silt_board_unassigned(board, &lags[2].tp);
    silt_board_unassigned(board, &lags[2].tp);
    CU_ASSERT_EQUAL(lags_n(board), 2);
    silt_free(lags);
    silt_board_free(board);
    silt_board_free(NULL);
}

static unsigned news_n(struct silt_board *board, int64_t now_ms)
{
    struct silt_lag *lags;
    unsigned n;
    silt_board_lags_news(board, now_ms, &lags, &n);
    silt_free(lags);
    return n;
}

static void news_are_changes_and_a_repeat_each_minute(void)
{
    struct silt_board *board = silt_board_new(0, 0);
    say(board, "t", 0, 5);
    CU_ASSERT_EQUAL(news_n(board, 0), 1);
    CU_ASSERT_EQUAL(news_n(board, 1), 0);
    say(board, "t", 0, 5);
    CU_ASSERT_EQUAL(news_n(board, 2), 0);
    say(board, "t", 0, 6);
    CU_ASSERT_EQUAL(news_n(board, 3), 1);
    CU_ASSERT_EQUAL(news_n(board, 3 + SILT_LAG_REPEAT_MS - 1), 0);
    CU_ASSERT_EQUAL(news_n(board, 3 + SILT_LAG_REPEAT_MS), 1);
    silt_board_free(board);
}

static void the_last_hundred_rejects_are_kept_newest_first(void)
{
    struct silt_board *board = silt_board_new(0, 0);
    struct silt_reject_view *rejects;
    unsigned n;
    for (int64_t i = 0; i < 150; i++) {
        const struct silt_reject_note note = {
            .offset = i, .reason = "truncated", .sensor_id = i % 2 ? "s" : NULL};
        silt_board_reject(board, &note, i);
    }
    silt_board_rejects(board, &rejects, &n);
    CU_ASSERT_EQUAL(n, 100);
    CU_ASSERT_EQUAL(rejects[0].offset, 149);
    CU_ASSERT_STRING_EQUAL(rejects[0].sensor_id, "s");
    CU_ASSERT_EQUAL(rejects[99].offset, 50);
    CU_ASSERT_STRING_EQUAL(rejects[99].sensor_id, "");
    silt_free(rejects);
    silt_board_free(board);
}

static void is_not_ready_until_told(void)
{
    struct silt_board *board = silt_board_new(0, 0);
    char why[160];
    CU_ASSERT_FALSE(silt_board_is_ready(board, why));
    CU_ASSERT_STRING_EQUAL(why, "starting");
    silt_board_ready(board, true, NULL);
    CU_ASSERT(silt_board_is_ready(board, why));
    CU_ASSERT_STRING_EQUAL(why, "");
    silt_board_free(board);
}

static void delays_gather_by_topic_and_start_anew(void)
{
    struct silt_board *board = silt_board_new(0, 0);
    struct silt_gathered gathered;
    silt_board_delay(board, "t", 10);
    silt_board_delay(board, "t", -5);
    silt_board_gathered(board, 0, &gathered);
    CU_ASSERT_EQUAL(gathered.delays_n, 1);
    CU_ASSERT_STRING_EQUAL(gathered.delays[0].topic, "t");
    CU_ASSERT_EQUAL(gathered.delays[0].ms.n, 2);
    CU_ASSERT_EQUAL(gathered.delays[0].ms.values[0], 0);
    silt_gathered_done(&gathered);
    silt_board_gathered(board, 0, &gathered);
    CU_ASSERT_EQUAL(gathered.delays_n, 0);
    silt_gathered_done(&gathered);
    silt_board_free(board);
}

static void sensors_count_as_far_as_the_option_allows(void)
{
    struct silt_gathered gathered;
    for (int dimension = 0; dimension <= 2; dimension++) {
        struct silt_board *board = silt_board_new(dimension, 0);
        silt_board_sensor_failed(board, SILT_STAGE_ENCODE, SILT_FAIL_TIMEOUT, "f");
        silt_board_sensor_failed(board, SILT_STAGE_ENCODE, SILT_FAIL_TIMEOUT, NULL);
        silt_board_sensor_ok(board, SILT_STAGE_ENCODE, "s", 3, 1500);
        silt_board_sensor_ok(board, SILT_STAGE_ENCODE, "s", 1, -1);
        silt_board_sensor_ok(board, SILT_STAGE_ENCODE, NULL, 3, 1500);
        silt_board_gathered(board, 0, &gathered);
        CU_ASSERT_EQUAL(gathered.sensors_n, (unsigned)dimension);
        silt_gathered_done(&gathered);
        silt_board_gathered(board, 0, &gathered);
        CU_ASSERT_EQUAL(gathered.sensors_n, 0);
        silt_gathered_done(&gathered);
        silt_board_free(board);
    }
}

static void sensors_beyond_the_cap_count_together_until_the_hour_is_over(void)
{
    struct silt_board *board = silt_board_new(1, 2);
    struct silt_gathered gathered;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5; i++) {
            char id[16];
            snprintf(id, sizeof id, "s-%d-%d", round, i);
            silt_board_sensor_failed(board, SILT_STAGE_ENCODE, SILT_FAIL_TIMEOUT, id);
        }
        silt_board_gathered(board, round, &gathered);
        CU_ASSERT_EQUAL(gathered.sensors_n, round ? 1u : 3u);
        uint64_t other = 0;
        for (unsigned i = 0; i < gathered.sensors_n; i++)
            if (strcmp(gathered.sensors[i]->sensor_id, SILT_SENSORS_OTHER) == 0)
                other += gathered.sensors[i]->failure[SILT_FAIL_TIMEOUT];
        CU_ASSERT_EQUAL(other, round ? 5u : 3u);
        silt_gathered_done(&gathered);
    }
    silt_board_gathered(board, SILT_SENSORS_PERIOD_MS, &gathered);
    silt_gathered_done(&gathered);
    silt_board_sensor_failed(board, SILT_STAGE_ENCODE, SILT_FAIL_TIMEOUT, "new");
    silt_board_gathered(board, SILT_SENSORS_PERIOD_MS, &gathered);
    CU_ASSERT_STRING_EQUAL(gathered.sensors[0]->sensor_id, "new");
    silt_gathered_done(&gathered);
    silt_board_free(board);
}

static void depths_sum_by_topic_and_leave_out_the_unknown(void)
{
    const struct silt_lag lags[] = {lag_of("a", 0, 3), lag_of("a", 1, 4), lag_of("b", 0, 9),
                                    lag_of("b", 1, -1), lag_of("c", 0, 0)};
    struct silt_cw_depth *depths;
    unsigned n;
    silt_depths(lags, 5, false, &depths, &n);
    CU_ASSERT_EQUAL(n, 2);
    CU_ASSERT_EQUAL(depths[0].lag, 7);
    CU_ASSERT_EQUAL(depths[0].partition, -1);
    CU_ASSERT_STRING_EQUAL(depths[1].topic, "c");
    silt_free(depths);
    silt_depths(lags, 5, true, &depths, &n);
    CU_ASSERT_EQUAL(n, 5);
    CU_ASSERT_EQUAL(depths[2].partition, 1);
    CU_ASSERT_EQUAL(depths[2].lag, 4);
    silt_free(depths);
    silt_depths(lags, 0, true, &depths, &n);
    CU_ASSERT_EQUAL(n, 0);
    silt_free(depths);
}

SILT_TESTS("board",
           {"lags come back in order and once per partition",
            lags_come_back_in_order_and_once_per_partition},
           {"news are changes, and a repeat each minute",
            news_are_changes_and_a_repeat_each_minute},
           {"the last hundred rejects are kept, newest first",
            the_last_hundred_rejects_are_kept_newest_first},
           {"is not ready until told", is_not_ready_until_told},
           {"delays gather by topic and start anew", delays_gather_by_topic_and_start_anew},
           {"sensors count as far as the option allows", sensors_count_as_far_as_the_option_allows},
           {"sensors beyond the cap count together until the hour is over",
            sensors_beyond_the_cap_count_together_until_the_hour_is_over},
           {"depths sum by topic and leave out the unknown",
            depths_sum_by_topic_and_leave_out_the_unknown})
