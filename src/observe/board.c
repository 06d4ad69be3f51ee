#include "observe/board_int.h"

#include "base/alloc.h"
#include "base/map.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SENSOR_CAP 100

struct entry {
    struct silt_lag lag;
    struct silt_lag told; /* what was last taken as news */
    int64_t told_ms;
    bool was_told;
};

struct silt_board {
    int sensor_dimension;
    unsigned sensor_cap;
    struct {
        pthread_mutex_t lock;
        struct silt_map *entries; /* struct entry by partition */
        struct silt_map *delays;  /* struct silt_cw_delay by topic */
        struct silt_map *sensors; /* struct silt_cw_sensor by stage and sensor */
        int64_t sensors_since_ms;
        struct silt_reject_view rejects[SILT_REJECTS_KEPT];
        uint64_t rejects_n; /* ever */
        bool ready;
        char why[160];
    } synced;
};

struct silt_board *silt_board_new(int sensor_dimension, unsigned sensor_cap)
{
    struct silt_board *board = SILT_NEW(struct silt_board);
    board->sensor_dimension = sensor_dimension;
    board->sensor_cap = sensor_cap ? sensor_cap : SENSOR_CAP;
    pthread_mutex_init(&board->synced.lock, NULL);
    board->synced.entries = silt_map_new();
    board->synced.delays = silt_map_new();
    board->synced.sensors = silt_map_new();
    snprintf(board->synced.why, sizeof board->synced.why, "starting");
    return board;
}

static void free_sensor(struct silt_cw_sensor *sensor)
{
    silt_free(sensor->sensor_id);
    silt_free(sensor);
}

static void forget_sensors_synced(struct silt_board *board)
{
    struct silt_cw_sensor *sensor;
    for (size_t pos = 0; (sensor = silt_map_next(board->synced.sensors, &pos, NULL, NULL));)
        free_sensor(sensor);
    silt_map_free(board->synced.sensors);
    board->synced.sensors = silt_map_new();
}

void silt_board_free(struct silt_board *board)
{
    if (!board) return;
    struct silt_gathered gathered;
    silt_board_gathered(board, 0, &gathered);
    silt_gathered_done(&gathered);
    forget_sensors_synced(board);
    struct entry *entry;
    for (size_t pos = 0; (entry = silt_map_next(board->synced.entries, &pos, NULL, NULL));)
        silt_free(entry);
    silt_map_free(board->synced.entries);
    silt_map_free(board->synced.delays);
    silt_map_free(board->synced.sensors);
    pthread_mutex_destroy(&board->synced.lock);
    silt_free(board);
}

#define TP_KEY_MAX (sizeof(struct silt_tp) + 16)

static size_t tp_key(const struct silt_tp *tp, char ret_key[TP_KEY_MAX])
{
    return (size_t)snprintf(ret_key, TP_KEY_MAX, "%s\t%s\t%s\t%d", tp->cluster, tp->topic,
                            tp->topic_id, tp->partition);
}

void silt_board_lag(struct silt_board *board, const struct silt_lag *lag)
{
    char key[TP_KEY_MAX];
    size_t len = tp_key(&lag->tp, key);
    pthread_mutex_lock(&board->synced.lock);
    struct entry *entry = silt_map_get(board->synced.entries, key, len);
    if (!entry) {
        entry = SILT_NEW(struct entry);
        (void)silt_map_put(board->synced.entries, key, len, entry);
    }
    entry->lag = *lag;
    pthread_mutex_unlock(&board->synced.lock);
}

void silt_board_unassigned(struct silt_board *board, const struct silt_tp *tp)
{
    char key[TP_KEY_MAX];
    size_t len = tp_key(tp, key);
    pthread_mutex_lock(&board->synced.lock);
    silt_free(silt_map_remove(board->synced.entries, key, len));
    pthread_mutex_unlock(&board->synced.lock);
}

static int by_place(const void *a, const void *b)
{
    const struct silt_lag *x = a;
    const struct silt_lag *y = b;
    int order = strcmp(x->tp.topic, y->tp.topic);
    if (order) return order;
    return (x->tp.partition > y->tp.partition) - (x->tp.partition < y->tp.partition);
}

static void sort(struct silt_lag *lags, unsigned lags_n)
{
    if (lags_n) qsort(lags, lags_n, sizeof *lags, by_place);
}

void silt_board_lags(struct silt_board *board, struct silt_lag **ret_lags, unsigned *ret_lags_n)
{
    unsigned n = 0;
    const struct entry *entry;
    pthread_mutex_lock(&board->synced.lock);
    struct silt_lag *lags = silt_calloc(silt_map_len(board->synced.entries) + 1, sizeof *lags);
    for (size_t pos = 0; (entry = silt_map_next(board->synced.entries, &pos, NULL, NULL));)
        lags[n++] = entry->lag;
    pthread_mutex_unlock(&board->synced.lock);
    sort(lags, n);
    *ret_lags = lags;
    *ret_lags_n = n;
}

static bool is_same(const struct silt_lag *a, const struct silt_lag *b)
{
    return a->log_start == b->log_start && a->durable == b->durable && a->position == b->position &&
           a->cut == b->cut && a->staged == b->staged && a->high == b->high && a->lag == b->lag &&
           a->lag_ms == b->lag_ms && a->state == b->state;
}

void silt_board_lags_news(struct silt_board *board, int64_t now_ms, struct silt_lag **ret_lags,
                          unsigned *ret_lags_n)
{
    unsigned n = 0;
    struct entry *entry;
    pthread_mutex_lock(&board->synced.lock);
    struct silt_lag *lags = silt_calloc(silt_map_len(board->synced.entries) + 1, sizeof *lags);
    for (size_t pos = 0; (entry = silt_map_next(board->synced.entries, &pos, NULL, NULL));) {
        bool recent = entry->was_told && now_ms - entry->told_ms < SILT_LAG_REPEAT_MS;
        if (recent && is_same(&entry->lag, &entry->told)) continue;
        entry->told = entry->lag;
        entry->told_ms = now_ms;
        entry->was_told = true;
        lags[n++] = entry->lag;
    }
    pthread_mutex_unlock(&board->synced.lock);
    sort(lags, n);
    *ret_lags = lags;
    *ret_lags_n = n;
}

static void copy_text(char *to, size_t room, const char *from)
{
    snprintf(to, room, "%s", from ? from : "");
}

void silt_board_reject(struct silt_board *board, const struct silt_reject_note *note, int64_t ts_ms)
{
    pthread_mutex_lock(&board->synced.lock);
    struct silt_reject_view *reject =
        &board->synced.rejects[board->synced.rejects_n++ % SILT_REJECTS_KEPT];
    reject->ts_ms = ts_ms;
    reject->partition = note->tp.partition;
    reject->offset = note->offset;
    copy_text(reject->topic, sizeof reject->topic, note->tp.topic);
    copy_text(reject->reason, sizeof reject->reason, note->reason);
    copy_text(reject->detail, sizeof reject->detail, note->detail);
    copy_text(reject->sensor_id, sizeof reject->sensor_id, note->sensor_id);
    pthread_mutex_unlock(&board->synced.lock);
}

void silt_board_rejects(struct silt_board *board, struct silt_reject_view **ret_rejects,
                        unsigned *ret_rejects_n)
{
    struct silt_reject_view *rejects = silt_calloc(SILT_REJECTS_KEPT, sizeof *rejects);
    pthread_mutex_lock(&board->synced.lock);
    uint64_t ever = board->synced.rejects_n;
    unsigned n = ever < SILT_REJECTS_KEPT ? (unsigned)ever : SILT_REJECTS_KEPT;
    for (unsigned i = 0; i < n; i++)
        rejects[i] = board->synced.rejects[(ever - 1 - i) % SILT_REJECTS_KEPT];
    pthread_mutex_unlock(&board->synced.lock);
    *ret_rejects = rejects;
    *ret_rejects_n = n;
}

void silt_board_ready(struct silt_board *board, bool ready, const char *why)
{
    pthread_mutex_lock(&board->synced.lock);
    board->synced.ready = ready;
    copy_text(board->synced.why, sizeof board->synced.why, why);
    pthread_mutex_unlock(&board->synced.lock);
}

bool silt_board_is_ready(struct silt_board *board, char ret_why[160])
{
    pthread_mutex_lock(&board->synced.lock);
    bool ready = board->synced.ready;
    memcpy(ret_why, board->synced.why, sizeof board->synced.why);
    pthread_mutex_unlock(&board->synced.lock);
    return ready;
}

void silt_board_delay(struct silt_board *board, const char *topic, int64_t delay_ms)
{
    size_t len = strlen(topic);
    pthread_mutex_lock(&board->synced.lock);
    struct silt_cw_delay *delay = silt_map_get(board->synced.delays, topic, len);
    if (!delay) {
        delay = SILT_NEW(struct silt_cw_delay);
        delay->topic = silt_strdup(topic);
        (void)silt_map_put(board->synced.delays, topic, len, delay);
    }
    /* a producer's clock that runs ahead makes a negative delay */
    silt_values_add(&delay->ms, delay_ms > 0 ? (uint64_t)delay_ms : 0, 1);
    pthread_mutex_unlock(&board->synced.lock);
}

static struct silt_cw_sensor *sensor_synced(struct silt_board *board, enum silt_stage stage,
                                            const char *sensor_id)
{
    char key[160];
    size_t len = (size_t)snprintf(key, sizeof key, "%d\t%.120s", (int)stage, sensor_id);
    struct silt_cw_sensor *sensor = silt_map_get(board->synced.sensors, key, len);
    if (sensor) return sensor;
    bool is_other = strcmp(sensor_id, SILT_SENSORS_OTHER) == 0;
    if (silt_map_len(board->synced.sensors) >= board->sensor_cap && !is_other)
        return sensor_synced(board, stage, SILT_SENSORS_OTHER);
    sensor = SILT_NEW(struct silt_cw_sensor);
    sensor->stage = stage;
    sensor->sensor_id = silt_strndup(sensor_id, 120);
    sensor->all = board->sensor_dimension > 1;
    (void)silt_map_put(board->synced.sensors, key, len, sensor);
    return sensor;
}

void silt_board_sensor_failed(struct silt_board *board, enum silt_stage stage,
                              enum silt_failure_type type, const char *sensor_id)
{
    if (board->sensor_dimension < 1 || !sensor_id) return;
    pthread_mutex_lock(&board->synced.lock);
    sensor_synced(board, stage, sensor_id)->failure[type]++;
    pthread_mutex_unlock(&board->synced.lock);
}

void silt_board_sensor_ok(struct silt_board *board, enum silt_stage stage, const char *sensor_id,
                          uint64_t n, int64_t us)
{
    if (board->sensor_dimension < 2 || !sensor_id) return;
    uint64_t rounded = silt_histogram_value(silt_histogram_bucket(us > 0 ? (uint64_t)us : 0));
    pthread_mutex_lock(&board->synced.lock);
    struct silt_cw_sensor *sensor = sensor_synced(board, stage, sensor_id);
    sensor->success += n;
    silt_values_add(&sensor->latency_us, rounded, 1);
    pthread_mutex_unlock(&board->synced.lock);
}

static bool has_news(const struct silt_cw_sensor *sensor)
{
    uint64_t failures = 0;
    for (unsigned i = 0; i < SILT_FAIL_TYPES_N; i++) failures += sensor->failure[i];
    return sensor->success || failures || sensor->latency_us.n;
}

/* The copy goes out; the sensor stays known, so that the cap holds for the whole period. */
static struct silt_cw_sensor *take_sensor(struct silt_cw_sensor *sensor)
{
    struct silt_cw_sensor *copy = silt_memdup(sensor, sizeof *sensor);
    copy->sensor_id = silt_strdup(sensor->sensor_id);
    sensor->success = 0;
    memset(sensor->failure, 0, sizeof sensor->failure);
    sensor->latency_us.n = 0;
    return copy;
}

void silt_board_gathered(struct silt_board *board, int64_t now_ms, struct silt_gathered *ret)
{
    *ret = (struct silt_gathered){0};
    struct silt_cw_delay *delay;
    struct silt_cw_sensor *sensor;
    pthread_mutex_lock(&board->synced.lock);
    ret->delays = silt_calloc(silt_map_len(board->synced.delays) + 1, sizeof *ret->delays);
    for (size_t pos = 0; (delay = silt_map_next(board->synced.delays, &pos, NULL, NULL));) {
        ret->delays[ret->delays_n++] = *delay;
        silt_free(delay);
    }
    silt_map_free(board->synced.delays);
    board->synced.delays = silt_map_new();
    ret->sensors = silt_calloc(silt_map_len(board->synced.sensors) + 1, sizeof(void *));
    for (size_t pos = 0; (sensor = silt_map_next(board->synced.sensors, &pos, NULL, NULL));)
        if (has_news(sensor)) ret->sensors[ret->sensors_n++] = take_sensor(sensor);
    if (now_ms - board->synced.sensors_since_ms >= SILT_SENSORS_PERIOD_MS) {
        board->synced.sensors_since_ms = now_ms;
        forget_sensors_synced(board);
    }
    pthread_mutex_unlock(&board->synced.lock);
}

void silt_gathered_done(struct silt_gathered *gathered)
{
    for (unsigned i = 0; i < gathered->delays_n; i++) silt_free(gathered->delays[i].topic);
    for (unsigned i = 0; i < gathered->sensors_n; i++) free_sensor(gathered->sensors[i]);
    silt_free(gathered->delays);
    silt_free(gathered->sensors);
    *gathered = (struct silt_gathered){0};
}

static bool is_topic_known(const struct silt_lag *lags, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        if (lags[i].lag < 0) return false;
    return true;
}

static unsigned same_topic(const struct silt_lag *lags, unsigned lags_n)
{
    unsigned n = 1;
    while (n < lags_n && strcmp(lags[n].tp.topic, lags->tp.topic) == 0) n++;
    return n;
}

void silt_depths(const struct silt_lag *lags, unsigned lags_n, bool by_partition,
                 struct silt_cw_depth **ret_depths, unsigned *ret_depths_n)
{
    struct silt_cw_depth *depths = silt_calloc((size_t)lags_n * 2 + 1, sizeof *depths);
    unsigned depths_n = 0;
    for (unsigned at = 0, n; at < lags_n; at += n) {
        const struct silt_lag *topic = &lags[at];
        n = same_topic(topic, lags_n - at);
        if (!is_topic_known(topic, n)) continue;
        struct silt_cw_depth *sum = &depths[depths_n++];
        *sum = (struct silt_cw_depth){.topic = topic->tp.topic, .partition = -1};
        for (unsigned i = 0; i < n; i++) {
            sum->lag += topic[i].lag;
            if (!by_partition) continue;
            depths[depths_n++] = (struct silt_cw_depth){
                .topic = topic->tp.topic, .partition = topic[i].tp.partition, .lag = topic[i].lag};
        }
    }
    *ret_depths = depths;
    *ret_depths_n = depths_n;
}
