/* The limit: what a program costs that only reads a topic with librdkafka and, on request,
 * compresses the values with zstd. No framing, no check, no file, no upload: nothing that archives
 * can be cheaper with these two libraries.
 *
 *   bench_limit BROKERS TOPIC [--level N] [--block BYTES] [--overlap] [--crc] [--queue KIB]
 *
 *   --level N    compress the values in blocks at zstd's level N; 0 (default): only read
 *   --block N    bytes of a block; default 262144
 *   --overlap    compress in a second thread, as fast as the slower of the two goes
 *   --crc        check.crcs=true, as an archiver must
 *   --queue KIB  librdkafka's queue; default 65536, silt's own
 *
 * Reads every partition from its start to the end it had at the beginning, then prints one line of
 * JSON. CPU is that of the whole process; the clock runs from the first record to the last.
 */
#include <librdkafka/rdkafka.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <zstd.h>

#define BATCH_MAX 4096
#define WAIT_MS 20000
#define ROOMS 16 /* blocks on their way to the second thread */

struct options {
    const char *brokers;
    const char *topic;
    const char *queue_kib;
    int level;
    size_t block;
    bool overlap;
    bool crc;
};

struct block {
    char *bytes;
    size_t len;
};

/* A ring of blocks. With --overlap the second thread takes them, else the reader itself. */
struct packer {
    const struct options *options;
    ZSTD_CCtx *zstd;
    char *out;
    size_t out_max;
    uint64_t packed;
    struct block ring[ROOMS];
    struct {
        pthread_mutex_t lock;
        pthread_cond_t changed;
        unsigned filled; /* blocks handed over since the start */
        unsigned taken;
        bool ended;
    } synced;
};

struct totals {
    uint64_t records;
    uint64_t bytes;
    double first_s;
    double last_s;
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "bench_limit: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static void need(rd_kafka_resp_err_t result, const char *what)
{
    if (result) die(what, rd_kafka_err2str(result));
}

static double now_s(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* --- compressing --- */

static void pack(struct packer *packer, struct block *block)
{
    size_t len =
        ZSTD_compress2(packer->zstd, packer->out, packer->out_max, block->bytes, block->len);
    if (ZSTD_isError(len)) die("zstd", ZSTD_getErrorName(len));
    packer->packed += len;
    block->len = 0;
}

static void *pack_all(void *ctx)
{
    struct packer *packer = ctx;
    pthread_mutex_lock(&packer->synced.lock);
    for (;;) {
        while (packer->synced.taken == packer->synced.filled && !packer->synced.ended)
            pthread_cond_wait(&packer->synced.changed, &packer->synced.lock);
        if (packer->synced.taken == packer->synced.filled) break;
        struct block *block = &packer->ring[packer->synced.taken % ROOMS];
        pthread_mutex_unlock(&packer->synced.lock);
        pack(packer, block);
        pthread_mutex_lock(&packer->synced.lock);
        packer->synced.taken++;
        pthread_cond_signal(&packer->synced.changed);
    }
    pthread_mutex_unlock(&packer->synced.lock);
    return NULL;
}

static struct block *filling(struct packer *packer)
{
    return &packer->ring[packer->synced.filled % ROOMS];
}

static void hand_over(struct packer *packer)
{
    if (!packer->options->overlap) {
        pack(packer, filling(packer));
        return;
    }
    pthread_mutex_lock(&packer->synced.lock);
    packer->synced.filled++;
    pthread_cond_signal(&packer->synced.changed);
    while (packer->synced.filled - packer->synced.taken >= ROOMS)
        pthread_cond_wait(&packer->synced.changed, &packer->synced.lock);
    pthread_mutex_unlock(&packer->synced.lock);
}

static void add(struct packer *packer, const void *value, size_t len)
{
    struct block *block = filling(packer);
    if (block->len + len > packer->options->block) {
        hand_over(packer);
        block = filling(packer);
    }
    if (len > packer->options->block) die("a value", "is larger than a block");
    memcpy(block->bytes + block->len, value, len);
    block->len += len;
}

static void packer_init(struct packer *packer, const struct options *options)
{
    *packer = (struct packer){.options = options, .zstd = ZSTD_createCCtx()};
    pthread_mutex_init(&packer->synced.lock, NULL);
    pthread_cond_init(&packer->synced.changed, NULL);
    ZSTD_CCtx_setParameter(packer->zstd, ZSTD_c_compressionLevel, options->level);
    packer->out_max = ZSTD_compressBound(options->block);
    packer->out = malloc(packer->out_max);
    for (unsigned i = 0; i < ROOMS; i++) packer->ring[i].bytes = malloc(options->block);
}

/* --- reading --- */

static rd_kafka_t *consumer_new(const struct options *options)
{
    const char *const settings[][2] = {
        {"bootstrap.servers", options->brokers},
        {"group.id", "bench-limit"},
        {"enable.auto.commit", "false"},
        {"enable.auto.offset.store", "false"},
        {"enable.metrics.push", "false"},
        {"fetch.queue.backoff.ms", "5"}, /* the default, 1 s, idles two thirds of the time */
        {"queued.min.messages", "10000"},
        {"queued.max.messages.kbytes", options->queue_kib},
        {"check.crcs", options->crc ? "true" : "false"},
    };
    char text[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++)
        if (rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text))
            die(settings[i][0], text);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, text, sizeof text);
    if (!rk) die("consumer", text);
    rd_kafka_poll_set_consumer(rk);
    return rk;
}

/* @return how many records lie between the start and the end of all partitions. */
static uint64_t assign_all(rd_kafka_t *rk, const struct options *options)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, options->topic, NULL);
    need(rd_kafka_metadata(rk, 0, topic, &metadata, WAIT_MS), "metadata");
    int n = metadata->topics[0].partition_cnt;
    if (n == 0) die(options->topic, "no such topic");
    uint64_t records = 0;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(n);
    for (int32_t i = 0; i < n; i++) {
        int64_t low;
        int64_t high;
        need(rd_kafka_query_watermark_offsets(rk, options->topic, i, &low, &high, WAIT_MS),
             "offsets");
        rd_kafka_topic_partition_list_add(list, options->topic, i)->offset = low;
        records += (uint64_t)(high - low);
    }
    need(rd_kafka_assign(rk, list), "assign");
    rd_kafka_topic_partition_list_destroy(list);
    rd_kafka_metadata_destroy(metadata);
    rd_kafka_topic_destroy(topic);
    return records;
}

static void take(struct packer *packer, rd_kafka_message_t *message, struct totals *totals)
{
    if (message->err) die("a record", rd_kafka_message_errstr(message));
    totals->records++;
    totals->bytes += message->len;
    if (packer->options->level) add(packer, message->payload, message->len);
    rd_kafka_message_destroy(message);
}

/* What is there is taken at once; a call with a timeout would wait until the batch is full. */
static void read_all(rd_kafka_t *rk, struct packer *packer, uint64_t wanted, struct totals *totals)
{
    static rd_kafka_message_t *batch[BATCH_MAX];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    while (totals->records < wanted) {
        ssize_t n = rd_kafka_consume_batch_queue(queue, 0, batch, BATCH_MAX);
        if (n == 0) n = rd_kafka_consume_batch_queue(queue, WAIT_MS, batch, 1);
        if (n <= 0) die("reading", "nothing came for too long");
        if (totals->records == 0) totals->first_s = now_s();
        for (ssize_t i = 0; i < n; i++) take(packer, batch[i], totals);
    }
    rd_kafka_queue_destroy(queue);
}

static void run(rd_kafka_t *rk, struct packer *packer, struct totals *totals)
{
    pthread_t thread;
    const struct options *options = packer->options;
    bool threaded = options->level && options->overlap;
    uint64_t wanted = assign_all(rk, options);
    if (threaded && pthread_create(&thread, NULL, pack_all, packer)) die("thread", "not started");
    read_all(rk, packer, wanted, totals);
    if (options->level) hand_over(packer);
    if (threaded) {
        pthread_mutex_lock(&packer->synced.lock);
        packer->synced.ended = true;
        pthread_cond_signal(&packer->synced.changed);
        pthread_mutex_unlock(&packer->synced.lock);
        pthread_join(thread, NULL);
    }
    totals->last_s = now_s();
}

static double seconds(struct timeval tv)
{
    return (double)tv.tv_sec + (double)tv.tv_usec / 1e6;
}

static void report(const struct totals *totals, const struct packer *packer)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("{\"version\": \"librdkafka %s\", \"records\": %llu, \"bytes\": %llu, \"packed\": %llu, "
           "\"user_s\": %.3f, "
           "\"sys_s\": %.3f, \"wall_s\": %.3f, \"rss_kib\": %ld}\n",
           rd_kafka_version_str(), (unsigned long long)totals->records,
           (unsigned long long)totals->bytes, (unsigned long long)packer->packed,
           seconds(usage.ru_utime), seconds(usage.ru_stime), totals->last_s - totals->first_s,
           usage.ru_maxrss);
}

static struct options parse(int argc, char **argv)
{
    struct options options = {.queue_kib = "65536", .block = (size_t)256 << 10};
    if (argc < 3) die("usage", "bench_limit BROKERS TOPIC [options]; see its first comment");
    options.brokers = argv[1];
    options.topic = argv[2];
    for (int i = 3; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "0";
        bool level = strcmp(argv[i], "--level") == 0;
        bool block = strcmp(argv[i], "--block") == 0;
        bool queue = strcmp(argv[i], "--queue") == 0;
        if (level) options.level = atoi(value);
        if (block) options.block = strtoull(value, NULL, 10);
        if (queue) options.queue_kib = value;
        if (strcmp(argv[i], "--overlap") == 0) options.overlap = true;
        if (strcmp(argv[i], "--crc") == 0) options.crc = true;
        i += level || block || queue;
    }
    return options;
}

int main(int argc, char **argv)
{
    struct options options = parse(argc, argv);
    struct packer packer;
    struct totals totals = {0};
    packer_init(&packer, &options);
    rd_kafka_t *rk = consumer_new(&options);
    run(rk, &packer, &totals);
    report(&totals, &packer);
    rd_kafka_consumer_close(rk);
    rd_kafka_destroy(rk);
    return EXIT_SUCCESS;
}
