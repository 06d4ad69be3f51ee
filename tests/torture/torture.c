/* The program under torture: runs `silt run` in forked children, in which chosen calls fail.
 *
 *   torture serve TOPIC:PARTITIONS...   an embedded Kafka and a scripted PostgreSQL, until stdin
 * ends; says "brokers\tdsn" torture run                         one child for each line of stdin,
 * one line of JSON for each
 *
 * A line is   FAULTS \t MODE \t STOP \t LIMIT_MS \t LOG \t ARGUMENT \t ARGUMENT …
 *   FAULTS  class:k, at most two, separated by commas; - for none
 *   MODE    lose (the first PUT of each slot loses its answer), die (killed when the first upload
 * is to be completed), - STOP    when the child gets its SIGTERM: caught (all is durable),
 * rebalanced (and there were rebalances), consumed:N (so many records were read), look (caught, and
 * its pages were read); after LIMIT_MS in any case LOG     where its output goes
 *
 * One thread, so that forking is safe; nothing of a child's state survives but what it shares.
 */
#include "cli/cli.h"
#include "consume/mock.h"
#include "fakepg.h"
#include "faults.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define LINE_MAX_BYTES 16384
#define WORDS_MAX 64
#define HANG_MS 30000 /* after it was asked to end */
#define LOOK_MS 5
#define REBALANCES 4 /* joined; another one joins (two) and leaves */

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "exitcode=99:allocator_may_return_null=1:detect_leaks=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
    return "exitcode=99:print_stacktrace=1";
}

/* What libraries lose when something fails in the middle of their own work: librdkafka a broker
 * whose thread did not start, OpenSSL an entry of its configuration. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:rd_kafka_broker_add\nleak:libcrypto.so\n";
}

struct order {
    struct silt_torture_fault faults[SILT_TORTURE_FAULTS_MAX];
    unsigned faults_n;
    const char *mode;
    const char *stop;
    long limit_ms;
    const char *log;
    char *words[WORDS_MAX]; /* the command line */
    int words_n;
};

static struct silt_torture_shared *shared;

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void nap(void)
{
    nanosleep(&(struct timespec){.tv_nsec = LOOK_MS * 1000000}, NULL); /* lint: a test's look */
}

/* ---- in the child ---- */

/* Reads one page, whatever comes. */
static void get(int port, const char *path)
{
    char request[128];
    char answer[4096];
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct timeval patience = {.tv_sec = 1};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    int n = snprintf(request, sizeof request,
                     "GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", path);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) == 0 &&
        send(fd, request, (size_t)n, MSG_NOSIGNAL) == n)
        while (recv(fd, answer, sizeof answer, 0) > 0) {}
    close(fd);
}

static bool is_time(const struct order *order, const struct silt_torture_look *look)
{
    unsigned long long wanted;
    if (sscanf(order->stop, "consumed:%llu", &wanted) == 1) return look->consumed >= wanted;
    if (strcmp(order->stop, "rebalanced") == 0 && look->rebalances < REBALANCES) return false;
    return look->caught_up;
}

/* Asks the program to end when the time has come. */
static void *watch(void *ctx)
{
    const struct order *order = ctx;
    int64_t until_ms = now_ms() + order->limit_ms;
    struct silt_torture_look look = {0};
    silt_torture_spare();
    while (now_ms() < until_ms && !(silt_torture_look(&look) && is_time(order, &look))) nap();
    if (strcmp(order->stop, "look") == 0 && look.port) {
        get(look.port, "/metrics");
        get(look.port, "/api/v1/status");
    }
    kill(getpid(), SIGTERM);
    return NULL;
}

static void start_watching(struct order *order)
{
    sigset_t set;
    sigset_t before;
    pthread_t thread;
    sigfillset(&set);
    pthread_sigmask(SIG_SETMASK, &set, &before);
    if (pthread_create(&thread, NULL, watch, order)) abort();
    pthread_detach(thread);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static _Noreturn void be_child(struct order *order)
{
    int fd = open(order->log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0 || dup2(fd, STDERR_FILENO) < 0) abort();
    close(fd);
    fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    dup2(fd, STDIN_FILENO);
    if (strcmp(order->mode, "lose") == 0) silt_torture_lose_commits();
    if (strcmp(order->mode, "die") == 0) silt_torture_die_at_complete();
    start_watching(order);
    silt_torture_arm(order->faults, order->faults_n);
    int code = silt_cli_main(order->words_n, order->words);
    silt_torture_disarm();
    prctl(PR_SET_DUMPABLE, 1); /* the search for leaks looks into the process from outside */
    exit(code);
}

/* ---- in the parent ---- */

/* @return false when it hung and was killed. */
static bool wait_for(pid_t pid, int64_t limit_ms, int *ret_status)
{
    sigset_t set;
    int64_t until_ms = now_ms() + limit_ms + HANG_MS;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    while (waitpid(pid, ret_status, WNOHANG) == 0) {
        const struct timespec rest = {.tv_nsec = 100000000};
        if (now_ms() >= until_ms) {
            kill(pid, SIGKILL);
            waitpid(pid, ret_status, 0);
            return false;
        }
        sigtimedwait(&set, NULL, &rest);
    }
    return true;
}

/* The place as the linker knows it: FILE+OFFSET. */
static void print_hit(const char *name, void *site)
{
    Dl_info info = {0};
    const char *file = "?";
    if (dladdr(site, &info) && info.dli_fname) {
        const char *slash = strrchr(info.dli_fname, '/');
        file = slash ? slash + 1 : info.dli_fname;
    }
    printf("{\"call\":\"%s\",\"in\":\"%s\",\"at\":\"%#zx\",\"near\":\"%s\"}", name, file,
           (size_t)((char *)site - (char *)info.dli_fbase), info.dli_sname ? info.dli_sname : "");
}

static void print_result(bool ended, int status, int64_t ms)
{
    const char *how = !ended ? "hang" : WIFSIGNALED(status) ? "signal" : "exit";
    printf("{\"how\":\"%s\",\"code\":%d,\"ms\":%lld,\"died\":%s,\"calls\":{", how,
           WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status), (long long)ms,
           atomic_load(&shared->died) ? "true" : "false");
    for (int i = 0; i < SILT_TORTURE_CLASSES_N; i++)
        printf("%s\"%s\":%llu", i ? "," : "", silt_torture_class_name((enum silt_torture_class)i),
               (unsigned long long)atomic_load(&shared->calls[i]));
    printf("},\"hits\":[");
    bool any = false;
    for (int i = 0; i < SILT_TORTURE_FAULTS_MAX; i++) {
        if (!shared->hits[i].name) continue;
        if (any) printf(",");
        print_hit(shared->hits[i].name, shared->hits[i].site);
        any = true;
    }
    printf("]}\n");
    fflush(stdout);
}

static void carry_out(struct order *order)
{
    int status = 0;
    int64_t began = now_ms();
    memset(shared, 0, sizeof *shared);
    pid_t pid = fork();
    if (pid < 0) abort();
    if (pid == 0) be_child(order);
    bool ended = wait_for(pid, order->limit_ms, &status);
    print_result(ended, status, now_ms() - began);
}

/* ---- orders ---- */

static bool class_of(const char *name, size_t len, enum silt_torture_class *ret_class)
{
    for (int i = 0; i < SILT_TORTURE_CLASSES_N; i++) {
        const char *known = silt_torture_class_name((enum silt_torture_class)i);
        if (strlen(known) != len || strncmp(known, name, len) != 0) continue;
        *ret_class = (enum silt_torture_class)i;
        return true;
    }
    return false;
}

static void parse_faults(struct order *order, const char *text)
{
    order->faults_n = 0;
    if (strcmp(text, "-") == 0) return;
    while (*text) {
        size_t len = strcspn(text, ":");
        struct silt_torture_fault *fault = &order->faults[order->faults_n];
        if (order->faults_n++ == SILT_TORTURE_FAULTS_MAX || text[len] != ':' ||
            !class_of(text, len, &fault->class))
            abort();
        char *end;
        fault->k = strtoull(text + len + 1, &end, 10);
        text = *end ? end + 1 : end;
    }
}

static void parse(char *line, struct order *order)
{
    char *fields[5];
    line[strcspn(line, "\n")] = '\0';
    for (int i = 0; i < 5; i++) {
        fields[i] = strsep(&line, "\t");
        if (!fields[i]) abort();
    }
    parse_faults(order, fields[0]);
    order->mode = fields[1];
    order->stop = fields[2];
    order->limit_ms = strtol(fields[3], NULL, 10);
    order->log = fields[4];
    order->words_n = 0;
    while (line && order->words_n < WORDS_MAX - 1)
        order->words[order->words_n++] = strsep(&line, "\t");
    order->words[order->words_n] = NULL;
}

static int run(void)
{
    static char line[LINE_MAX_BYTES];
    static struct order order;
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    shared = silt_torture_share();
    while (fgets(line, sizeof line, stdin)) {
        parse(line, &order);
        carry_out(&order);
    }
    return 0;
}

/* ---- servers ---- */

static int serve(char **topics)
{
    struct silt_mock *mock = NULL;
    struct silt_err err = {0};
    if (!silt_mock_new(1, &mock, &err).ok) abort();
    for (; *topics; topics++) {
        const char *name = strsep(topics, ":");
        long partitions_n = strtol(*topics, NULL, 10);
        if (!silt_mock_add_topic(mock, name, (int32_t)partitions_n, &err).ok) abort();
    }
    struct silt_fakepg *pg = silt_fakepg_start();
    silt_fakepg_on(pg, "to_regclass", SILT_FAKEPG_ROW, "1", 1u << 30);
    silt_fakepg_on(pg, "max(version)", SILT_FAKEPG_ROW, "1", 1u << 30);
    printf("%s\t%s\n", silt_mock_brokers(mock), silt_fakepg_dsn(pg));
    fflush(stdout);
    while (getchar() != EOF) {}
    silt_fakepg_stop(pg);
    silt_mock_free(mock);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc > 2 && strcmp(argv[1], "serve") == 0) return serve(argv + 2);
    if (argc == 2 && strcmp(argv[1], "run") == 0) return run();
    fprintf(stderr, "usage: torture serve TOPIC:PARTITIONS... | torture run\n");
    return 2;
}
