#include "net/http.h"

#include "base/alloc.h"
#include "base/queue.h"
#include "harness.h"
#include "http_int.h"
#include "http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct silt_http *loop_start(void)
{
    struct silt_http *http = NULL;
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &http, NULL));
    return http;
}

/* A server with a script, a loop, and one URL to ask for. */
struct bench {
    struct silt_http_server *server;
    struct silt_http *http;
    char url[128];
};

static void bench_init(struct bench *bench, const struct silt_http_step *steps, size_t steps_n)
{
    bench->server = silt_http_server_start(steps, steps_n);
    bench->http = loop_start();
    snprintf(bench->url, sizeof bench->url, "%s/a/b?c=d", silt_http_server_url(bench->server));
}

static void bench_done(struct bench *bench)
{
    silt_http_stop(bench->http);
    silt_http_server_stop(bench->server);
}

static void asks_and_keeps_the_answer(void)
{
    static const char *const want[] = {"etag", "x-none", NULL};
    static const struct silt_http_step steps[] = {
        {.status = 200, .headers = "ETag:  \"abc\" \r\nX-Other: no\r\n", .body = "hello"}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    const struct silt_http_header headers[] = {{"x-a", "1"}, {"x-empty", ""}};
    struct silt_http_req req = {.method = "GET",
                                .url = bench.url,
                                .headers = headers,
                                .headers_n = 2,
                                .want_headers = want,
                                .ctx = &bench};
    silt_http_call(bench.http, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_HTTP_ANSWERED);
    CU_ASSERT_EQUAL(req.status, 200);
    CU_ASSERT_PTR_EQUAL(req.ctx, &bench);
    CU_ASSERT_STRING_EQUAL(silt_buf_str(&req.ret_body), "hello");
    CU_ASSERT_STRING_EQUAL(silt_http_answer_header(&req, "etag"), "\"abc\"");
    CU_ASSERT_PTR_NULL(silt_http_answer_header(&req, "x-none"));
    CU_ASSERT_PTR_NULL(silt_http_answer_header(&req, "never-wanted"));
    const struct silt_http_seen *seen = silt_http_server_seen(bench.server, 0);
    char *empty = silt_http_seen_header(seen, "x-empty");
    char *agent = silt_http_seen_header(seen, "user-agent");
    char *encoding = silt_http_seen_header(seen, "accept-encoding");
    CU_ASSERT_STRING_EQUAL(seen->method, "GET");
    CU_ASSERT_STRING_EQUAL(seen->target, "/a/b?c=d");
    CU_ASSERT(empty && !empty[0]);
    CU_ASSERT(agent && strncmp(agent, "silt/", 5) == 0);
    CU_ASSERT_PTR_NULL(encoding);
    free(empty);
    free(agent);
    silt_http_req_done(&req);
    CU_ASSERT_PTR_NULL(silt_http_answer_header(&req, "etag"));
    silt_http_req_done(NULL);
    bench_done(&bench);
}

static void sends_slices_as_one_body(void)
{
    static const struct silt_http_step steps[] = {{.status = 200, .repeat = -1}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    size_t big_len = (size_t)3 << 20;
    char *big = silt_alloc(big_len);
    for (size_t i = 0; i < big_len; i++) big[i] = (char)(i * 7);
    const struct silt_slice body[] = {silt_slice_str("head "), silt_slice_of(NULL, 0),
                                      silt_slice_of(big, big_len), silt_slice_str(" tail")};
    struct silt_http_req req = {.method = "PUT", .url = bench.url, .body = body, .body_n = 4};
    silt_http_call(bench.http, &req);
    const struct silt_http_seen *seen = silt_http_server_seen(bench.server, 0);
    CU_ASSERT_EQUAL(req.status, 200);
    CU_ASSERT_EQUAL(seen->body_len, big_len + 10);
    CU_ASSERT(memcmp(seen->body + 5, big, big_len) == 0);
    CU_ASSERT_STRING_EQUAL(seen->body + 5 + big_len, " tail");
    char *expect = silt_http_seen_header(seen, "expect");
    CU_ASSERT_PTR_NULL(expect);
    CU_ASSERT_PTR_NULL(silt_http_answer_header(&req, "etag"));
    silt_http_req_done(&req);

    struct silt_http_req post = {.method = "POST", .url = bench.url};
    silt_http_call(bench.http, &post);
    char *length = silt_http_seen_header(silt_http_server_seen(bench.server, 1), "content-length");
    CU_ASSERT(length && strcmp(length, "0") == 0);
    free(length);
    silt_http_req_done(&post);

    struct silt_http_req del = {.method = "DELETE", .url = bench.url};
    silt_http_call(bench.http, &del);
    CU_ASSERT_STRING_EQUAL(silt_http_server_seen(bench.server, 2)->method, "DELETE");
    silt_http_req_done(&del);
    /* One connection served them all. */
    CU_ASSERT_EQUAL(silt_http_server_seen(bench.server, 2)->connection, 1);
    silt_free(big);
    bench_done(&bench);
}

/* libcurl repeats by itself when a kept connection gives no answer: the body begins anew, even when
 * the server had read all of it. */
static void rewinds_the_body_when_a_kept_connection_was_dead(void)
{
    static const struct silt_http_step steps[] = {{.status = 200, .fault = SILT_FAULT_LAST},
                                                  {.status = 200},
                                                  {.fault = SILT_FAULT_CLOSE},
                                                  {.status = 200}};
    struct bench bench;
    bench_init(&bench, steps, 4);
    const struct silt_slice body[] = {silt_slice_str("once "), silt_slice_str("more")};
    for (unsigned i = 0; i < 3; i++) {
        struct silt_http_req req = {.method = "PUT", .url = bench.url, .body = body, .body_n = 2};
        silt_http_call(bench.http, &req);
        CU_ASSERT_EQUAL(req.outcome, SILT_HTTP_ANSWERED);
        CU_ASSERT_EQUAL(req.status, 200);
        silt_http_req_done(&req);
    }
    CU_ASSERT_EQUAL(silt_http_server_seen_n(bench.server), 4);
    for (unsigned i = 0; i < 4; i++)
        CU_ASSERT_STRING_EQUAL(silt_http_server_seen(bench.server, i)->body, "once more");
    bench_done(&bench);
}

static void head_has_no_body(void)
{
    static const char *const want[] = {"content-length", NULL};
    static const struct silt_http_step steps[] = {
        {.status = 200, .headers = "Content-Length: 123456\r\n"}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    struct silt_http_req req = {.method = "HEAD", .url = bench.url, .want_headers = want};
    silt_http_call(bench.http, &req);
    CU_ASSERT_EQUAL(req.status, 200);
    CU_ASSERT_STRING_EQUAL(silt_http_answer_header(&req, "content-length"), "123456");
    CU_ASSERT_EQUAL(req.ret_body.len, 0);
    silt_http_req_done(&req);
    bench_done(&bench);
}

static void never_follows_a_redirect(void)
{
    static const struct silt_http_step steps[] = {
        {.status = 307, .headers = "Location: http://127.0.0.1:1/\r\n"}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    struct silt_http_req req = {.method = "GET", .url = bench.url};
    silt_http_call(bench.http, &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_HTTP_ANSWERED);
    CU_ASSERT_EQUAL(req.status, 307);
    CU_ASSERT_EQUAL(silt_http_server_seen_n(bench.server), 1);
    silt_http_req_done(&req);
    bench_done(&bench);
}

static void never_connects_to_where_credentials_are_handed_out(void)
{
    static const char *const urls[] = {"http://169.254.169.254/latest/meta-data/",
                                       "http://0xa9fea9fe/", /* the same in libcurl's eyes */
                                       "http://[fd00:ec2::254]/", "http://[::ffff:169.254.1.1]/"};
    struct silt_http *http = NULL;
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){0}, &http, NULL));
    for (unsigned i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct silt_http_req req = {.method = "GET", .url = urls[i], .connect_ms = 500};
        silt_http_call(http, &req);
        CU_ASSERT_EQUAL(req.outcome, SILT_HTTP_NO_CONNECT);
        CU_ASSERT_PTR_NOT_NULL(strstr(req.text, "hands out cloud credentials"));
        silt_http_req_done(&req);
    }
    silt_http_stop(http);
}

static void a_fresh_request_takes_a_new_connection(void)
{
    static const struct silt_http_step steps[] = {{.status = 200, .repeat = -1}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    for (unsigned i = 0; i < 3; i++) {
        struct silt_http_req req = {.method = "GET", .url = bench.url, .fresh = i == 2};
        silt_http_call(bench.http, &req);
        silt_http_req_done(&req);
    }
    CU_ASSERT_EQUAL(silt_http_server_seen(bench.server, 1)->connection, 1);
    CU_ASSERT_EQUAL(silt_http_server_seen(bench.server, 2)->connection, 2);
    bench_done(&bench);
}

static void tells_how_a_request_failed(void)
{
    static const struct {
        struct silt_http_step step;
        enum silt_http_outcome outcome;
    } cases[] = {
        {{.fault = SILT_FAULT_CLOSE}, SILT_HTTP_CUT},
        {{.fault = SILT_FAULT_RESET}, SILT_HTTP_CUT},
        {{.fault = SILT_FAULT_RESET_MID}, SILT_HTTP_CUT},
        {{.fault = SILT_FAULT_GARBAGE}, SILT_HTTP_CUT},
        {{.status = 200, .body = "half of it", .fault = SILT_FAULT_CUT}, SILT_HTTP_CUT},
        {{.status = 200, .body = "longer than eight"}, SILT_HTTP_CUT},
        {{.fault = SILT_FAULT_HANG}, SILT_HTTP_TIMEOUT},
        {{.status = 200,
          .headers = "Content-Length: 999\r\n",
          .body = "1234567",
          .fault = SILT_FAULT_TRICKLE},
         SILT_HTTP_TIMEOUT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct bench bench;
        bench_init(&bench, &cases[i].step, 1);
        bool trickles = cases[i].step.fault == SILT_FAULT_TRICKLE;
        struct silt_http_req req = {.method = "GET",
                                    .url = bench.url,
                                    .response_max = 8,
                                    .timeout_ms = trickles ? 60 : 300};
        silt_http_call(bench.http, &req);
        CU_ASSERT_EQUAL(req.outcome, cases[i].outcome);
        CU_ASSERT(req.text[0] != '\0');
        silt_http_req_done(&req);
        bench_done(&bench);
    }
}

static void a_stalled_request_times_out_unless_it_may_stall(void)
{
    static const char long_body[] =
        "................................................................................";
    static const struct silt_http_step steps[] = {
        {.status = 200, .body = long_body, .fault = SILT_FAULT_TRICKLE, .repeat = -1}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    struct silt_http_req stalled = {.method = "GET", .url = bench.url, .stall_ms = 1000};
    struct silt_http_req patient = {.method = "GET", .url = bench.url, .stall_ms = -1};
    silt_http_call(bench.http, &stalled);
    silt_http_call(bench.http, &patient);
    CU_ASSERT_EQUAL(stalled.outcome, SILT_HTTP_TIMEOUT);
    CU_ASSERT_EQUAL(patient.outcome, SILT_HTTP_ANSWERED);
    silt_http_req_done(&stalled);
    silt_http_req_done(&patient);
    bench_done(&bench);
}

/* A port that nobody listens on. */
static unsigned dead_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    CU_ASSERT_EQUAL(bind(fd, (struct sockaddr *)&address, len), 0);
    getsockname(fd, (struct sockaddr *)&address, &len);
    close(fd);
    return ntohs(address.sin_port);
}

static void what_never_left_was_not_processed(void)
{
    static const struct silt_http_step steps[] = {{.status = 200, .repeat = -1}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    char refused[64];
    char tls[64];
    snprintf(refused, sizeof refused, "http://127.0.0.1:%u/", dead_port());
    snprintf(tls, sizeof tls, "https%s/", silt_http_server_url(bench.server) + 4);
    const char *urls[] = {refused, tls, "http://nowhere.invalid/", "ftp://127.0.0.1/", "http://"};
    for (size_t i = 0; i < sizeof urls / sizeof urls[0]; i++) {
        struct silt_http_req req = {.method = "GET",
                                    .url = urls[i],
                                    .ca_file = "/etc/ssl/certs/ca-certificates.crt",
                                    .timeout_ms = 3000};
        silt_http_call(bench.http, &req);
        CU_ASSERT_EQUAL(req.outcome, SILT_HTTP_NO_CONNECT);
        silt_http_req_done(&req);
    }
    bench_done(&bench);
}

static void doubt_wins_when_something_was_sent(void)
{
    CU_ASSERT_EQUAL(silt_http_outcome_of(CURLE_OK, 10), SILT_HTTP_ANSWERED);
    CU_ASSERT_EQUAL(silt_http_outcome_of(CURLE_COULDNT_CONNECT, 0), SILT_HTTP_NO_CONNECT);
    CU_ASSERT_EQUAL(silt_http_outcome_of(CURLE_COULDNT_CONNECT, 10), SILT_HTTP_CUT);
    CU_ASSERT_EQUAL(silt_http_outcome_of(CURLE_OPERATION_TIMEDOUT, 0), SILT_HTTP_NO_CONNECT);
    CU_ASSERT_EQUAL(silt_http_outcome_of(CURLE_OPERATION_TIMEDOUT, 10), SILT_HTTP_TIMEOUT);
    CU_ASSERT_EQUAL(silt_http_outcome_of(CURLE_RECV_ERROR, 10), SILT_HTTP_CUT);
    CU_ASSERT_EQUAL(silt_http_outcome_of(CURLE_FTP_QUOTE_ERROR, 0), SILT_HTTP_CUT);
}

/* --- many, cancel, stop, timers -------------------------------------------------------------- */

static void push_back(struct silt_http_req *req)
{
    bool pushed = silt_queue_push(req->ctx, req);
    SILT_ASSERT(pushed);
}

static void serves_many_with_few_connections(void)
{
    enum { MANY = 50 };
    static const struct silt_http_step steps[] = {{.status = 200, .body = "x", .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 1);
    struct silt_http *http;
    const struct silt_http_opts opts = {.connections_max = 3, .host_connections_max = 3};
    CU_ASSERT_OK(silt_http_start(&opts, &http, NULL));
    struct silt_queue *back = silt_queue_new(MANY, NULL, NULL);
    static struct silt_http_req reqs[MANY];
    memset(reqs, 0, sizeof reqs);
    for (int i = 0; i < MANY; i++) {
        reqs[i] = (struct silt_http_req){
            .method = "GET", .url = silt_http_server_url(server), .done = push_back, .ctx = back};
        silt_http_submit(http, &reqs[i]);
    }
    int answered = 0;
    for (int i = 0; i < MANY; i++) {
        struct silt_http_req *req = silt_queue_pop(back, -1);
        answered += req->outcome == SILT_HTTP_ANSWERED && req->status == 200;
        silt_http_req_done(req);
    }
    CU_ASSERT_EQUAL(answered, MANY);
    unsigned connections = 0;
    for (unsigned i = 0; i < MANY; i++) {
        const struct silt_http_seen *seen = silt_http_server_seen(server, i);
        if (seen->connection > connections) connections = seen->connection;
    }
    CU_ASSERT(connections <= 3);
    silt_http_stop(http);
    silt_queue_free(back);
    silt_http_server_stop(server);
}

static void note_timer(void *ctx, bool stopped)
{
    static char fired;
    static char ended;
    bool pushed = silt_queue_push(ctx, stopped ? &ended : &fired);
    SILT_ASSERT(pushed);
}

static void cancelling_ends_one_owners_requests_and_timers(void)
{
    static const struct silt_http_step steps[] = {{.fault = SILT_FAULT_HANG, .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 1);
    struct silt_http *http;
    CU_ASSERT_OK(silt_http_start(&(struct silt_http_opts){.connections_max = 2}, &http, NULL));
    struct silt_queue *mine = silt_queue_new(8, NULL, NULL);
    struct silt_queue *theirs = silt_queue_new(8, NULL, NULL);
    struct silt_http_req reqs[4];
    for (int i = 0; i < 4; i++) {
        struct silt_queue *back = i % 2 ? theirs : mine;
        reqs[i] = (struct silt_http_req){.method = "GET",
                                         .url = silt_http_server_url(server),
                                         .done = push_back,
                                         .ctx = back,
                                         .owner = back};
        silt_http_submit(http, &reqs[i]); /* two active, two waiting */
    }
    silt_http_timer(http, 1000000, note_timer, mine);
    silt_http_timer(http, 1000000, note_timer, theirs);
    silt_http_server_await(server, 2);
    silt_http_cancel(http, mine);
    CU_ASSERT_PTR_NOT_NULL(silt_queue_pop(mine, -1));
    CU_ASSERT_PTR_NOT_NULL(silt_queue_pop(mine, -1));
    CU_ASSERT_PTR_NOT_NULL(silt_queue_pop(mine, -1)); /* the timer */
    CU_ASSERT_EQUAL(reqs[0].outcome, SILT_HTTP_STOPPED);
    CU_ASSERT_EQUAL(reqs[2].outcome, SILT_HTTP_STOPPED);
    CU_ASSERT_EQUAL(silt_queue_len(theirs), 0);
    silt_http_stop(http); /* the rest */
    CU_ASSERT_EQUAL(silt_queue_len(theirs), 3);
    CU_ASSERT_EQUAL(reqs[1].outcome, SILT_HTTP_STOPPED);
    CU_ASSERT_EQUAL(reqs[3].outcome, SILT_HTTP_STOPPED);
    while (silt_queue_pop(theirs, 0)) {}
    for (int i = 0; i < 4; i++) silt_http_req_done(&reqs[i]);
    silt_queue_free(mine);
    silt_queue_free(theirs);
    silt_http_server_stop(server);
}

static void a_cancel_spares_what_comes_after_it(void)
{
    enum { ROUNDS = 100 };
    static const struct silt_http_step steps[] = {{.status = 200, .repeat = -1}};
    struct bench bench;
    bench_init(&bench, steps, 1);
    int answered = 0;
    for (int i = 0; i < ROUNDS; i++) {
        struct silt_http_req req = {.method = "GET", .url = bench.url, .owner = &bench};
        silt_http_cancel(bench.http, &bench);
        silt_http_call(bench.http, &req);
        answered += req.outcome == SILT_HTTP_ANSWERED;
        silt_http_req_done(&req);
    }
    CU_ASSERT_EQUAL(answered, ROUNDS);
    bench_done(&bench);
}

static void timers_fire_in_their_order(void)
{
    struct silt_http *http = loop_start();
    struct silt_queue *fast = silt_queue_new(8, NULL, NULL);
    struct silt_queue *slow = silt_queue_new(8, NULL, NULL);
    silt_http_timer(http, 30, note_timer, slow);
    silt_http_timer(http, 0, note_timer, fast);
    silt_http_timer(http, 1000000, note_timer, fast);
    CU_ASSERT_PTR_NOT_NULL(silt_queue_pop(fast, -1));
    CU_ASSERT_PTR_NOT_NULL(silt_queue_pop(slow, -1));
    CU_ASSERT_EQUAL(silt_queue_len(fast), 0);
    silt_http_stop(http);
    CU_ASSERT_EQUAL(silt_queue_len(fast), 1); /* told that it will not come */
    silt_queue_pop(fast, 0);
    silt_queue_free(fast);
    silt_queue_free(slow);
}

struct again {
    struct silt_http *http;
    struct silt_queue *back;
    int left;
};

static void submit_again(struct silt_http_req *req)
{
    struct again *again = req->ctx;
    silt_http_req_done(req);
    if (again->left--) {
        silt_http_submit(again->http, req);
        return;
    }
    bool pushed = silt_queue_push(again->back, req);
    SILT_ASSERT(pushed);
}

static void a_request_handed_over_while_stopping_is_answered_too(void)
{
    static const struct silt_http_step steps[] = {{.fault = SILT_FAULT_HANG, .repeat = -1}};
    struct silt_http_server *server = silt_http_server_start(steps, 1);
    struct again again = {.http = loop_start(), .back = silt_queue_new(1, NULL, NULL), .left = 3};
    struct silt_http_req req = {
        .method = "GET", .url = silt_http_server_url(server), .done = submit_again, .ctx = &again};
    silt_http_submit(again.http, &req);
    silt_http_server_await(server, 1);
    silt_http_stop(again.http);
    CU_ASSERT_PTR_EQUAL(silt_queue_pop(again.back, 0), &req);
    CU_ASSERT_EQUAL(req.outcome, SILT_HTTP_STOPPED);
    silt_http_req_done(&req);
    silt_queue_free(again.back);
    silt_http_server_stop(server);
    silt_http_stop(NULL);
}

static void a_long_header_is_cut(void)
{
    static const char *const want[] = {"x-long", NULL};
    char headers[4096] = "X-Long: ";
    memset(headers + 8, 'y', 3000);
    memcpy(headers + 3008, "\r\nBroken-Line\r\n", 16);
    const struct silt_http_step step = {.status = 200, .headers = headers};
    struct bench bench;
    bench_init(&bench, &step, 1);
    struct silt_http_req req = {.method = "GET", .url = bench.url, .want_headers = want};
    silt_http_call(bench.http, &req);
    const char *value = silt_http_answer_header(&req, "x-long");
    CU_ASSERT(value && strlen(value) == SILT_HTTP_HEADER_MAX);
    silt_http_req_done(&req);
    bench_done(&bench);
}

static void without_a_descriptor_for_its_wake_ups_it_does_not_start(void)
{
    struct silt_http *http = NULL;
    struct silt_err err = {0};
    struct rlimit before;
    silt_http_stop(loop_start()); /* what libraries open once is open */
    int lowest_free = dup(STDERR_FILENO);
    close(lowest_free);
    CU_ASSERT_EQUAL(getrlimit(RLIMIT_NOFILE, &before), 0);
    const struct rlimit none = {.rlim_cur = (rlim_t)lowest_free, .rlim_max = before.rlim_max};
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &none), 0);
    CU_ASSERT_FAILS(silt_http_start(&(struct silt_http_opts){0}, &http, &err));
    CU_ASSERT_EQUAL(setrlimit(RLIMIT_NOFILE, &before), 0);
    CU_ASSERT_PTR_NULL(http);
    CU_ASSERT_EQUAL(err.code, SILT_E_UNAVAILABLE);
    CU_ASSERT_PTR_NOT_NULL(strstr(err.text, "ulimit -n"));
}

SILT_TESTS("http", {"asks and keeps the answer", asks_and_keeps_the_answer},
           {"sends slices as one body", sends_slices_as_one_body},
           {"rewinds the body when a kept connection was dead",
            rewinds_the_body_when_a_kept_connection_was_dead},
           {"HEAD has no body", head_has_no_body},
           {"never follows a redirect", never_follows_a_redirect},
           {"never connects to where credentials are handed out",
            never_connects_to_where_credentials_are_handed_out},
           {"a fresh request takes a new connection", a_fresh_request_takes_a_new_connection},
           {"tells how a request failed", tells_how_a_request_failed},
           {"a stalled request times out unless it may stall",
            a_stalled_request_times_out_unless_it_may_stall},
           {"what never left was not processed", what_never_left_was_not_processed},
           {"doubt wins when something was sent", doubt_wins_when_something_was_sent},
           {"serves many with few connections", serves_many_with_few_connections},
           {"cancelling ends one owner's requests and timers",
            cancelling_ends_one_owners_requests_and_timers},
           {"a cancel spares what comes after it", a_cancel_spares_what_comes_after_it},
           {"timers fire in their order", timers_fire_in_their_order},
           {"a request handed over while stopping is answered too",
            a_request_handed_over_while_stopping_is_answered_too},
           {"a long header is cut", a_long_header_is_cut},
           {"without a descriptor for its wake-ups it does not start",
            without_a_descriptor_for_its_wake_ups_it_does_not_start})
