/* The simulator's program: see run, which builds and calls it.
 *
 *   sim --seeds N [--first N] [--jobs N]     seeds in a row, then the coverage table
 *       [--keep-going | --state FILE]        … past failures; … in any number of sittings
 *   sim --seed N [--off a,b] [--steps N] [--bug N] [--trace]
 *   sim --bugs [--seeds N]                   each seeded bug must be found
 *   sim --regressions FILE
 */
#include "sim.h"

#include "base/alloc.h"

#include <getopt.h>
#include <jansson.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define JOBS_MAX 64u
#define FAILURES_MAX 16u
#define WATCHDOG_S 60 /* of CPU: a seed takes milliseconds */
#define BATCH 20000u  /* seeds of a long run between two lines of its log */

struct failure {
    struct sim_plan plan;
    char why[400];
};

struct shared { /* what a job tells */
    unsigned failures_n;
    struct failure failures[FAILURES_MAX];
    uint64_t found_at; /* with a bug: seeds until the first failure */
};

struct options {
    uint64_t first;
    uint64_t seeds;
    unsigned jobs;
    bool bugs;
    bool keep_going;
    const char *regressions;
    const char *state; /* file that a long run goes on from */
    bool one;
    struct sim_plan plan;
};

/* ---- one seed ---- */

static sigjmp_buf crashed;

static void on_signal(int signal)
{
    siglongjmp(crashed, signal);
}

static void watch(time_t seconds)
{
    const struct itimerval timer = {.it_value = {.tv_sec = seconds}};
    setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

static void run_seed(const struct sim_plan *plan)
{
    int crash = sigsetjmp(crashed, 1);
    if (!crash) {
        watch(WATCHDOG_S);
        sim_run(plan);
        watch(0);
        return;
    }
    world.failed = true;
    snprintf(world.why, sizeof world.why, "%s", crash == SIGVTALRM ? "hangs" : strsignal(crash));
}

static void catch_signals(void)
{
    const int signals[] = {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGVTALRM};
    struct sigaction action = {.sa_handler = on_signal};
    for (unsigned i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
}

/* ---- making a failure smaller ---- */

static const char *kind; /* of failure that must stay */

static bool fails(const struct sim_plan *plan)
{
    run_seed(plan);
    return world.failed && world.kind == kind;
}

static void drop_faults(struct sim_plan *plan)
{
    for (unsigned i = 0; i < SIM_FAULTS_N; i++) {
        struct sim_plan less = *plan;
        less.off |= UINT64_C(1) << i;
        if (less.off != plan->off && fails(&less)) *plan = less;
    }
}

static void drop_steps(struct sim_plan *plan)
{
    unsigned good = 0;
    unsigned bad = plan->steps;
    while (bad - good > 4) {
        struct sim_plan less = *plan;
        less.steps = good + (bad - good) / 2;
        if (fails(&less))
            bad = less.steps;
        else
            good = less.steps;
    }
    plan->steps = bad;
}

static void print_plan(const struct sim_plan *plan)
{
    printf("--seed %llu", (unsigned long long)plan->seed);
    if (plan->steps) printf(" --steps %u", plan->steps);
    if (plan->bug) printf(" --bug %d", (int)plan->bug);
    const char *separator = " --off ";
    for (unsigned i = 0; i < SIM_FAULTS_N; i++) {
        if (!(plan->off >> i & 1)) continue;
        printf("%s%s", separator, sim_fault_name((enum sim_fault)i));
        separator = ",";
    }
    printf("\n");
}

static void minimise(struct sim_plan *plan)
{
    run_seed(plan);
    kind = world.kind;
    if (!world.failed) return;
    plan->steps = plan->steps ? plan->steps : world.events;
    if (fails(plan)) drop_steps(plan);
    drop_faults(plan);
    drop_steps(plan);
}

static void report(const struct failure *failure, bool smaller)
{
    struct sim_plan plan = failure->plan;
    printf("FAILED ");
    print_plan(&plan);
    printf("       %s\n", failure->why);
    if (!smaller) return;
    minimise(&plan);
    bool still = fails(&plan);
    printf("       smaller: ");
    print_plan(&plan);
    if (still) printf("       %s\n", world.why);
}

/* ---- many seeds ---- */

static void *share(size_t bytes)
{
    void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) abort();
    return at;
}

static void note_failure(struct shared *shared, const struct sim_plan *plan)
{
    if (!plan->bug) printf("failed: --seed %llu: %s\n", (unsigned long long)plan->seed, world.why);
    if (shared->failures_n >= FAILURES_MAX) return;
    struct failure *failure = &shared->failures[shared->failures_n++];
    failure->plan = *plan;
    memcpy(failure->why, world.why, sizeof failure->why);
}

static void run_job(const struct options *opts, unsigned job, struct shared *shared)
{
    for (uint64_t i = job; i < opts->seeds; i += opts->jobs) {
        struct sim_plan plan = opts->plan;
        plan.seed = opts->first + i;
        run_seed(&plan);
        if (!world.failed) continue;
        note_failure(shared, &plan);
        if (plan.bug && !shared->found_at) shared->found_at = i + 1;
        if (plan.bug || !opts->keep_going) return;
    }
}

struct outcome {
    unsigned failures_n;
    struct failure failures[FAILURES_MAX];
    uint64_t found_at;
};

static void gather(struct outcome *ret, const struct shared *shared)
{
    for (unsigned i = 0; i < shared->failures_n && ret->failures_n < FAILURES_MAX; i++)
        ret->failures[ret->failures_n++] = shared->failures[i];
    if (shared->found_at && (!ret->found_at || shared->found_at < ret->found_at))
        ret->found_at = shared->found_at;
}

static void run_jobs(const struct options *opts, struct sim_counts *sum, struct outcome *ret)
{
    pid_t pids[JOBS_MAX];
    struct sim_counts *counts[JOBS_MAX];
    struct shared *shared[JOBS_MAX];
    for (unsigned job = 0; job < opts->jobs; job++) {
        counts[job] = share(sim_counts_size());
        shared[job] = share(sizeof **shared);
        pids[job] = fork();
        if (pids[job]) continue;
        sim_counts = counts[job];
        run_job(opts, job, shared[job]);
        _exit(0);
    }
    *ret = (struct outcome){0};
    for (unsigned job = 0; job < opts->jobs; job++) {
        waitpid(pids[job], NULL, 0);
        sim_counts_add(sum, counts[job]);
        gather(ret, shared[job]);
    }
}

static int run_many(const struct options *opts)
{
    struct outcome outcome;
    struct sim_counts *sum = share(sim_counts_size());
    run_jobs(opts, sum, &outcome);
    unsigned missing = sim_counts_print(sum);
    for (unsigned i = 0; i < outcome.failures_n; i++) report(&outcome.failures[i], i < 4);
    if (!outcome.failures_n) printf("no failure\n");
    return outcome.failures_n || missing ? 1 : 0;
}

/* ---- a long run: any number of seeds, in any number of sittings ---- */

struct sitting {
    uint64_t done; /* seeds */
    uint64_t failed;
};

static void load_state(const char *path, struct sitting *ret, struct sim_counts *sum)
{
    FILE *file = fopen(path, "rb");
    if (!file) return;
    bool whole = fread(ret, sizeof *ret, 1, file) == 1 &&
                 fread(sum, sim_counts_size(), 1, file) == 1 && fgetc(file) == EOF;
    fclose(file);
    if (whole) return;
    fprintf(stderr, "sim: %s is of another version: remove it\n", path);
    exit(2);
}

static void save_state(const char *path, const struct sitting *now, const struct sim_counts *sum)
{
    char fresh[1000];
    snprintf(fresh, sizeof fresh, "%s.new", path);
    FILE *file = fopen(fresh, "wb");
    bool kept = file && fwrite(now, sizeof *now, 1, file) == 1 &&
                fwrite(sum, sim_counts_size(), 1, file) == 1;
    if (file) kept = fclose(file) == 0 && kept;
    if (kept && rename(fresh, path) == 0) return;
    perror(path);
    exit(2);
}

static void say_progress(const struct options *opts, const struct sitting *now, int64_t began)
{
    char text[32];
    time_t at = time(NULL);
    strftime(text, sizeof text, "%H:%M:%S", gmtime(&at));
    printf("%s %llu of %llu seeds, %llu failed, %lld s\n", text, (unsigned long long)now->done,
           (unsigned long long)opts->seeds, (unsigned long long)now->failed,
           (long long)(at - began));
}

static int run_long(const struct options *opts)
{
    struct sitting now = {0};
    struct sim_counts *sum = share(sim_counts_size());
    int64_t began = time(NULL);
    load_state(opts->state, &now, sum);
    while (now.done < opts->seeds) {
        struct outcome outcome;
        struct options batch = *opts;
        batch.keep_going = true;
        batch.first = opts->first + now.done;
        batch.seeds = opts->seeds - now.done < BATCH ? opts->seeds - now.done : BATCH;
        run_jobs(&batch, sum, &outcome);
        now.done += batch.seeds;
        now.failed += outcome.failures_n;
        save_state(opts->state, &now, sum);
        say_progress(opts, &now, began);
    }
    unsigned missing = sim_counts_print(sum);
    return now.failed || missing ? 1 : 0;
}

/* ---- planted bugs ---- */

static int run_bugs(const struct options *opts)
{
    static const char *const names[SIM_BUGS_N] = {
        [SIM_B1] = "starts at the first record there is",
        [SIM_B2] = "starts at Kafka's committed offset",
        [SIM_B3] = "aborts its uploads when it gives up",
        [SIM_B4] = "collects uploads by age",
        [SIM_B5] = "completes files before the manifest",
        [SIM_B6] = "commits before the slot before is complete",
        [SIM_B7] = "repairs nothing",
        [SIM_B8] = "commits uploads of any age",
        [SIM_B9] = "manifests can be deleted",
    };
    int missed = 0;
    for (int bug = SIM_B1; bug < SIM_BUGS_N; bug++) {
        struct options mine = *opts;
        struct outcome outcome;
        mine.plan.bug = (enum sim_bug)bug;
        run_jobs(&mine, share(sim_counts_size()), &outcome);
        missed += !outcome.found_at;
        printf("B%d %-44s ", bug, names[bug]);
        if (outcome.found_at)
            printf("found at seed %llu: %s\n", (unsigned long long)outcome.found_at,
                   outcome.failures[0].why);
        else
            printf("NOT FOUND in %llu seeds\n", (unsigned long long)opts->seeds);
    }
    return missed ? 1 : 0;
}

/* ---- arguments ---- */

static void parse_off(const char *names, uint64_t *ret_off)
{
    while (*names) {
        char name[40];
        enum sim_fault fault;
        size_t len = strcspn(names, ",");
        snprintf(name, sizeof name, "%.*s", (int)len, names);
        if (!sim_fault_parse(name, &fault)) {
            fprintf(stderr, "sim: no such fault: %s\n", name);
            exit(2);
        }
        *ret_off |= UINT64_C(1) << fault;
        names += len + (names[len] == ',');
    }
}

static void parse(int argc, char **argv, struct options *opts)
{
    static const struct option options[] = {
        {"seeds", required_argument, NULL, 'n'},
        {"first", required_argument, NULL, 'f'},
        {"jobs", required_argument, NULL, 'j'},
        {"bugs", no_argument, NULL, 'B'},
        {"seed", required_argument, NULL, 's'},
        {"off", required_argument, NULL, 'o'},
        {"steps", required_argument, NULL, 'e'},
        {"bug", required_argument, NULL, 'b'},
        {"trace", no_argument, NULL, 't'},
        {"regressions", required_argument, NULL, 'r'},
        {"keep-going", no_argument, NULL, 'k'},
        {"state", required_argument, NULL, 'S'},
        {0},
    };
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 'n': opts->seeds = strtoull(optarg, NULL, 10); break;
        case 'f': opts->first = strtoull(optarg, NULL, 10); break;
        case 'j': opts->jobs = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'B': opts->bugs = true; break;
        case 's':
            opts->one = true;
            opts->plan.seed = strtoull(optarg, NULL, 10);
            break;
        case 'o': parse_off(optarg, &opts->plan.off); break;
        case 'e': opts->plan.steps = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'b': opts->plan.bug = (enum sim_bug)strtoul(optarg, NULL, 10); break;
        case 't': opts->plan.trace = true; break;
        case 'r': opts->regressions = optarg; break;
        case 'k': opts->keep_going = true; break;
        case 'S': opts->state = optarg; break;
        default: exit(2);
        }
    }
    if (opts->jobs < 1 || opts->jobs > JOBS_MAX) opts->jobs = 1;
}

static int run_one(const struct options *opts)
{
    struct failure failure = {.plan = opts->plan};
    run_seed(&opts->plan);
    if (!world.failed) {
        printf("seed %llu: no failure in %u events, %u slots\n",
               (unsigned long long)opts->plan.seed, world.events, sim_oracle_slots());
        return 0;
    }
    memcpy(failure.why, world.why, sizeof failure.why);
    failure.plan.trace = false;
    report(&failure, !opts->plan.trace && !opts->plan.off);
    return 1;
}

/* A line: the arguments of a seed that failed once, and why behind a #. */
static int run_regressions(const char *path)
{
    FILE *file = fopen(path, "r");
    char line[1000];
    unsigned n = 0;
    unsigned failed = 0;
    if (!file) {
        perror(path);
        return 2;
    }
    while (fgets(line, sizeof line, file)) {
        char *words[16] = {NULL, strtok(line, " \n")};
        int words_n = 1;
        while (words[words_n] && words[words_n][0] != '#' && words_n < 15)
            words[++words_n] = strtok(NULL, " \n");
        if (words_n == 1) continue;
        struct options opts = {.jobs = 1};
        optind = 0;
        words[0] = (char[]){"sim"};
        parse(words_n, words, &opts);
        n++;
        failed += run_one(&opts) != 0;
    }
    fclose(file);
    printf("%u seeds that failed once, %u fail now\n", n, failed);
    return failed ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct options opts = {.first = 1, .seeds = 10000, .jobs = 1};
    parse(argc, argv, &opts);
    json_object_seed(1);
    json_set_alloc_funcs(silt_alloc, silt_free);
    catch_signals();
    sim_counts = share(sim_counts_size());
    if (opts.regressions) return run_regressions(opts.regressions);
    if (opts.one) return run_one(&opts);
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (opts.bugs) return run_bugs(&opts);
    return opts.state ? run_long(&opts) : run_many(&opts);
}
