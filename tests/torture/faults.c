#define CURL_DISABLE_TYPECHECK
#include "faults.h"

#include "observe/observe.h"
#include "pipeline/worker.h"
#include "store/store.h"

#include <curl/curl.h>
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <librdkafka/rdkafka.h>
#include <microhttpd.h>
#include <netdb.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <avro.h>

static struct silt_torture_shared *shared;
static struct silt_torture_fault faults[SILT_TORTURE_FAULTS_MAX];
static unsigned faults_n;
static _Atomic bool armed;
static __thread bool spared;

const char *silt_torture_class_name(enum silt_torture_class class)
{
    static const char *const names[] = {
#define X(name) #name,
        SILT_TORTURE_CLASSES(X)
#undef X
    };
    return names[class];
}

struct silt_torture_shared *silt_torture_share(void)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) abort();
    return shared;
}

void silt_torture_arm(const struct silt_torture_fault *wanted, unsigned wanted_n)
{
    memcpy(faults, wanted, wanted_n * sizeof *wanted);
    faults_n = wanted_n;
    atomic_store(&armed, true);
}

void silt_torture_disarm(void)
{
    atomic_store(&armed, false);
}

void silt_torture_spare(void)
{
    spared = true;
}

/* Whether this call is to fail. */
static bool hit(enum silt_torture_class class, const char *name, void *site)
{
    if (!atomic_load_explicit(&armed, memory_order_relaxed) || spared) return false;
    uint64_t nth = atomic_fetch_add(&shared->calls[class], 1) + 1;
    for (unsigned i = 0; i < faults_n; i++) {
        if (faults[i].class != class || faults[i].k != nth) continue;
        shared->hits[i].name = name;
        shared->hits[i].site = site;
        return true;
    }
    return false;
}

#define HIT(class, name) hit(SILT_TORTURE_##class, #name, __builtin_return_address(0))

/* ret name(params) of our own code: on a hit `fails`, else the real one. */
#define OURS(class, ret, name, params, args, ...) \
    OURS_AS(class, ret, name, params, args, name, __VA_ARGS__)

/* The same where the program itself defines the name for others. */
#define OURS_AS(class, ret, name, params, args, real, ...) \
    ret silt_torture_##name params;                        \
    ret silt_torture_##name params                         \
    {                                                      \
        if (HIT(class, name)) {                            \
            __VA_ARGS__;                                   \
        }                                                  \
        return real args;                                  \
    }

/* The same for whoever calls it; `real` is what stands behind the definition here. */
#define ANYBODYS(class, ret, name, params, args, real, ...) \
    ret name params;                                        \
    ret name params                                         \
    {                                                       \
        if (HIT(class, name)) {                             \
            __VA_ARGS__;                                    \
        }                                                   \
        return real args;                                   \
    }

/* ---- memory ---- */

OURS(memory, int, vasprintf, (char **to, const char *format, va_list ap), (to, format, ap),
     return -1)

/* The sanitizer's own names: dlsym would allocate. */
extern void *__interceptor_malloc(size_t n);
extern void *__interceptor_calloc(size_t n, size_t size);
extern void *__interceptor_realloc(void *p, size_t n);
extern char *__interceptor_strdup(const char *text);
extern int __interceptor_pthread_create(pthread_t *thread, const pthread_attr_t *attr,
                                        void *(*fn)(void *), void *ctx);
extern const char __executable_start;
extern const char etext;

OURS_AS(memory, void *, malloc, (size_t n), (n), __interceptor_malloc, errno = ENOMEM; return NULL)
OURS_AS(memory, void *, calloc, (size_t n, size_t size), (n, size), __interceptor_calloc,
        errno = ENOMEM;
        return NULL)
OURS_AS(memory, void *, realloc, (void *p, size_t n), (p, n), __interceptor_realloc, errno = ENOMEM;
        return NULL)

/* Of what is in the program itself only librdkafka allocates past us. */
static enum silt_torture_class owner(const void *site)
{
    bool is_inside = (const char *)site >= &__executable_start && (const char *)site < &etext;
    return is_inside ? SILT_TORTURE_kafkamemory : SILT_TORTURE_libmemory;
}

static bool no_memory(const char *name, void *site)
{
    if (!hit(owner(site), name, site)) return false;
    errno = ENOMEM;
    return true;
}

void *malloc(size_t n)
{
    return no_memory("malloc", __builtin_return_address(0)) ? NULL : __interceptor_malloc(n);
}

void *calloc(size_t n, size_t size)
{
    return no_memory("calloc", __builtin_return_address(0)) ? NULL : __interceptor_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
    return no_memory("realloc", __builtin_return_address(0)) ? NULL : __interceptor_realloc(p, n);
}

char *strdup(const char *text)
{
    return no_memory("strdup", __builtin_return_address(0)) ? NULL : __interceptor_strdup(text);
}

/* ---- threads, randomness ---- */

typedef void *thread_fn(void *ctx);

/* Not through the shared definition below: that counts what libraries start. */
int silt_torture_pthread_create(pthread_t *thread, const pthread_attr_t *attr, thread_fn *fn,
                                void *ctx);
int silt_torture_pthread_create(pthread_t *thread, const pthread_attr_t *attr, thread_fn *fn,
                                void *ctx)
{
    if (HIT(thread, pthread_create)) return EAGAIN;
    return __interceptor_pthread_create(thread, attr, fn, ctx);
}

int pthread_create(pthread_t *thread, const pthread_attr_t *attr, thread_fn *fn, void *ctx)
{
    if (HIT(libthread, pthread_create)) return EAGAIN;
    return __interceptor_pthread_create(thread, attr, fn, ctx);
}

OURS(random, ssize_t, getrandom, (void *to, size_t n, unsigned flags), (to, n, flags),
     errno = EINTR;
     return -1)

/* ---- files ---- */

#define IO_ERROR \
    errno = EIO; \
    return -1

int silt_torture_open(const char *path, int flags, ...);
int silt_torture_open(const char *path, int flags, ...)
{
    va_list ap;
    va_start(ap, flags);
    int mode = flags & O_CREAT ? va_arg(ap, int) : 0;
    va_end(ap);
    if (HIT(file, open)) {
        errno = EMFILE;
        return -1;
    }
    return open(path, flags, mode);
}

/* A failed close has closed all the same. */
int silt_torture_close(int fd);
int silt_torture_close(int fd)
{
    bool fails = HIT(file, close);
    int result = close(fd);
    if (!fails) return result;
    IO_ERROR;
}

/* Half of it, as a full disk does. */
ssize_t silt_torture_write(int fd, const void *bytes, size_t n);
ssize_t silt_torture_write(int fd, const void *bytes, size_t n)
{
    if (!HIT(file, write)) return write(fd, bytes, n);
    if (n > 1) return write(fd, bytes, n / 2);
    errno = ENOSPC;
    return -1;
}

OURS(file, ssize_t, read, (int fd, void *to, size_t n), (fd, to, n), IO_ERROR)
OURS(file, ssize_t, pread, (int fd, void *to, size_t n, off_t at), (fd, to, n, at), IO_ERROR)
OURS(file, int, fsync, (int fd), (fd), IO_ERROR)
OURS(file, int, rename, (const char *from, const char *to), (from, to), IO_ERROR)
OURS(file, int, link, (const char *from, const char *to), (from, to), IO_ERROR)
OURS(file, int, unlink, (const char *path), (path), IO_ERROR)
OURS(file, int, unlinkat, (int folder, const char *path, int flags), (folder, path, flags),
     IO_ERROR)
OURS(file, int, rmdir, (const char *path), (path), IO_ERROR)
OURS(file, int, mkdir, (const char *path, mode_t mode), (path, mode), errno = ENOSPC; return -1)
OURS(file, int, fstat, (int fd, struct stat *st), (fd, st), IO_ERROR)
OURS(file, int, lstat, (const char *path, struct stat *st), (path, st), IO_ERROR)
OURS(file, int, stat, (const char *path, struct stat *st), (path, st), IO_ERROR)
OURS(file, int, fstatat, (int folder, const char *path, struct stat *st, int flags),
     (folder, path, st, flags), IO_ERROR)
OURS(file, DIR *, opendir, (const char *path), (path), errno = EMFILE; return NULL)
OURS(file, struct dirent *, readdir, (DIR * dir), (dir), errno = EIO; return NULL)
OURS(file, char *, realpath, (const char *path, char *to), (path, to), errno = EIO; return NULL)
OURS(file, FILE *, fopen, (const char *path, const char *mode), (path, mode), errno = EMFILE;
     return NULL)
OURS(file, size_t, fread, (void *to, size_t size, size_t n, FILE *file), (to, size, n, file),
     return 0)
OURS(file, int, fsetxattr, (int fd, const char *name, const void *value, size_t n, int flags),
     (fd, name, value, n, flags), IO_ERROR)
OURS(file, ssize_t, getxattr, (const char *path, const char *name, void *to, size_t n),
     (path, name, to, n), IO_ERROR)

/* ---- sockets ---- */

#define NO_NET(number) \
    errno = (number);  \
    return -1

#define NEXT(name) ((__typeof__(&(name)))next[NEXT_##name])
enum {
    NEXT_socket,
    NEXT_connect,
    NEXT_send,
    NEXT_recv,
    NEXT_sendto,
    NEXT_recvfrom,
    NEXT_sendmsg,
    NEXT_recvmsg,
    NEXT_getaddrinfo,
    NEXT_socketpair,
    NEXT_pipe,
    NEXT_pipe2,
    NEXT_eventfd,
    NEXT_N
};
static void *next[NEXT_N];

/* Before everybody else's constructors could call one. */
__attribute__((constructor(101))) static void find_next(void)
{
    static const char *const names[] = {
        "socket",  "connect",     "send",       "recv", "sendto", "recvfrom", "sendmsg",
        "recvmsg", "getaddrinfo", "socketpair", "pipe", "pipe2",  "eventfd"};
    for (int i = 0; i < NEXT_N; i++) next[i] = dlsym(RTLD_NEXT, names[i]);
}

OURS_AS(socket, int, socket, (int domain, int type, int protocol), (domain, type, protocol),
        NEXT(socket), NO_NET(EMFILE))
OURS(socket, int, bind, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n),
     NO_NET(EADDRINUSE))
OURS(socket, int, listen, (int fd, int n), (fd, n), NO_NET(EADDRINUSE))
OURS(socket, int, accept, (int fd, struct sockaddr *from, socklen_t *n), (fd, from, n),
     NO_NET(EMFILE))
OURS_AS(socket, ssize_t, send, (int fd, const void *bytes, size_t n, int flags),
        (fd, bytes, n, flags), NEXT(send), NO_NET(EPIPE))
OURS_AS(socket, ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags),
        NEXT(recv), NO_NET(ECONNRESET))
OURS(socket, int, poll, (struct pollfd * fds, nfds_t n, int ms), (fds, n, ms), NO_NET(EINTR))
OURS_AS(socket, int, pipe, (int ends[2]), (ends), NEXT(pipe), NO_NET(EMFILE))
OURS_AS(socket, int, getaddrinfo,
        (const char *host, const char *service, const struct addrinfo *hints,
         struct addrinfo **ret),
        (host, service, hints, ret), NEXT(getaddrinfo), return EAI_AGAIN)

ANYBODYS(libsocket, int, socket, (int domain, int type, int protocol), (domain, type, protocol),
         NEXT(socket), NO_NET(EMFILE))
ANYBODYS(libsocket, int, connect, (int fd, const struct sockaddr *to, socklen_t n), (fd, to, n),
         NEXT(connect), NO_NET(ECONNREFUSED))
ANYBODYS(libsocket, ssize_t, send, (int fd, const void *bytes, size_t n, int flags),
         (fd, bytes, n, flags), NEXT(send), NO_NET(EPIPE))
ANYBODYS(libsocket, ssize_t, recv, (int fd, void *to, size_t n, int flags), (fd, to, n, flags),
         NEXT(recv), NO_NET(ECONNRESET))
ANYBODYS(libsocket, ssize_t, sendto,
         (int fd, const void *bytes, size_t n, int flags, const struct sockaddr *to,
          socklen_t to_len),
         (fd, bytes, n, flags, to, to_len), NEXT(sendto), NO_NET(EPIPE))
ANYBODYS(libsocket, ssize_t, recvfrom,
         (int fd, void *to, size_t n, int flags, struct sockaddr *from, socklen_t *from_len),
         (fd, to, n, flags, from, from_len), NEXT(recvfrom), NO_NET(ECONNRESET))
ANYBODYS(libsocket, ssize_t, sendmsg, (int fd, const struct msghdr *message, int flags),
         (fd, message, flags), NEXT(sendmsg), NO_NET(EPIPE))
ANYBODYS(libsocket, ssize_t, recvmsg, (int fd, struct msghdr *message, int flags),
         (fd, message, flags), NEXT(recvmsg), NO_NET(ECONNRESET))
ANYBODYS(libsocket, int, getaddrinfo,
         (const char *host, const char *service, const struct addrinfo *hints,
          struct addrinfo **ret),
         (host, service, hints, ret), NEXT(getaddrinfo), return EAI_AGAIN)
ANYBODYS(libsocket, int, socketpair, (int domain, int type, int protocol, int ends[2]),
         (domain, type, protocol, ends), NEXT(socketpair), NO_NET(EMFILE))
ANYBODYS(libsocket, int, pipe, (int ends[2]), (ends), NEXT(pipe), NO_NET(EMFILE))
ANYBODYS(libsocket, int, pipe2, (int ends[2], int flags), (ends, flags), NEXT(pipe2),
         NO_NET(EMFILE))
ANYBODYS(libsocket, int, eventfd, (unsigned count, int flags), (count, flags), NEXT(eventfd),
         NO_NET(EMFILE))

/* ---- librdkafka: what its documentation says can fail ---- */

#define KAFKA_ERR return RD_KAFKA_RESP_ERR__TIMED_OUT
#define KAFKA_ERROR return rd_kafka_error_new(RD_KAFKA_RESP_ERR__TIMED_OUT, "torture")

OURS(kafka, rd_kafka_conf_res_t, rd_kafka_conf_set,
     (rd_kafka_conf_t * conf, const char *name, const char *value, char *text, size_t n),
     (conf, name, value, text, n), snprintf(text, n, "torture");
     return RD_KAFKA_CONF_INVALID)
OURS(kafka, rd_kafka_t *, rd_kafka_new,
     (rd_kafka_type_t type, rd_kafka_conf_t *conf, char *text, size_t n), (type, conf, text, n),
     snprintf(text, n, "torture");
     return NULL)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_subscribe,
     (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t *list), (rk, list), KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_poll_set_consumer, (rd_kafka_t * rk), (rk), KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_assign,
     (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t *list), (rk, list), KAFKA_ERR)
OURS(kafka, rd_kafka_error_t *, rd_kafka_incremental_assign,
     (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t *list), (rk, list), KAFKA_ERROR)
OURS(kafka, rd_kafka_error_t *, rd_kafka_incremental_unassign,
     (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t *list), (rk, list), KAFKA_ERROR)
OURS(kafka, rd_kafka_error_t *, rd_kafka_seek_partitions,
     (rd_kafka_t * rk, rd_kafka_topic_partition_list_t *list, int ms), (rk, list, ms), KAFKA_ERROR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_pause_partitions,
     (rd_kafka_t * rk, rd_kafka_topic_partition_list_t *list), (rk, list), KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_resume_partitions,
     (rd_kafka_t * rk, rd_kafka_topic_partition_list_t *list), (rk, list), KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_commit,
     (rd_kafka_t * rk, const rd_kafka_topic_partition_list_t *list, int async), (rk, list, async),
     KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_assignment,
     (rd_kafka_t * rk, rd_kafka_topic_partition_list_t **list), (rk, list), KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_position,
     (rd_kafka_t * rk, rd_kafka_topic_partition_list_t *list), (rk, list), KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_consumer_close, (rd_kafka_t * rk), (rk), KAFKA_ERR)
OURS(kafka, ssize_t, rd_kafka_consume_batch_queue,
     (rd_kafka_queue_t * queue, int ms, rd_kafka_message_t **messages, size_t n),
     (queue, ms, messages, n), return -1)
OURS(kafka, rd_kafka_event_t *, rd_kafka_queue_poll, (rd_kafka_queue_t * queue, int ms),
     (queue, ms), return NULL)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_event_error, (rd_kafka_event_t * event), (event),
     KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_error_code, (const rd_kafka_error_t *error), (error),
     KAFKA_ERR)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_message_headers,
     (const rd_kafka_message_t *message, rd_kafka_headers_t **headers), (message, headers),
     return RD_KAFKA_RESP_ERR__BAD_MSG)
OURS(kafka, rd_kafka_resp_err_t, rd_kafka_header_get_all,
     (const rd_kafka_headers_t *headers, size_t i, const char **name, const void **value,
      size_t *n),
     (headers, i, name, value, n), return RD_KAFKA_RESP_ERR__NOENT)
/* ---- libcurl ---- */

OURS(curl, CURLcode, curl_global_init, (long flags), (flags), return CURLE_FAILED_INIT)
OURS(curl, CURL *, curl_easy_init, (void), (), return NULL)
OURS(curl, CURLM *, curl_multi_init, (void), (), return NULL)
OURS(curl, struct curl_slist *, curl_slist_append, (struct curl_slist * list, const char *text),
     (list, text), return NULL)
OURS(curl, CURLMcode, curl_multi_add_handle, (CURLM * multi, CURL *easy), (multi, easy),
     return CURLM_OUT_OF_MEMORY)
OURS(curl, CURLMcode, curl_multi_perform, (CURLM * multi, int *running), (multi, running),
     return CURLM_OUT_OF_MEMORY)
OURS(curl, CURLMcode, curl_multi_poll,
     (CURLM * multi, struct curl_waitfd *fds, unsigned n, int ms, int *ret),
     (multi, fds, n, ms, ret), return CURLM_OUT_OF_MEMORY)
OURS(curl, CURLMcode, curl_multi_wakeup, (CURLM * multi), (multi), return CURLM_WAKEUP_FAILURE)

/* The argument of an option is as wide as a pointer here. */
CURLcode silt_torture_curl_easy_setopt(CURL *easy, CURLoption option, ...);
CURLcode silt_torture_curl_easy_setopt(CURL *easy, CURLoption option, ...)
{
    va_list ap;
    va_start(ap, option);
    void *value = va_arg(ap, void *);
    va_end(ap);
    if (HIT(curl, curl_easy_setopt)) return CURLE_OUT_OF_MEMORY;
    return curl_easy_setopt(easy, option, value);
}

CURLMcode silt_torture_curl_multi_setopt(CURLM *multi, CURLMoption option, ...);
CURLMcode silt_torture_curl_multi_setopt(CURLM *multi, CURLMoption option, ...)
{
    va_list ap;
    va_start(ap, option);
    void *value = va_arg(ap, void *);
    va_end(ap);
    if (HIT(curl, curl_multi_setopt)) return CURLM_OUT_OF_MEMORY;
    return curl_multi_setopt(multi, option, value);
}

/* A transfer whose answer got lost. */
CURLMsg *silt_torture_curl_multi_info_read(CURLM *multi, int *left);
CURLMsg *silt_torture_curl_multi_info_read(CURLM *multi, int *left)
{
    CURLMsg *message = curl_multi_info_read(multi, left);
    if (message && HIT(curl, curl_multi_info_read)) message->data.result = CURLE_RECV_ERROR;
    return message;
}

/* ---- libpq ---- */

OURS(postgres, PGconn *, PQconnectStartParams,
     (const char *const *names, const char *const *values, int expand), (names, values, expand),
     return NULL)
OURS(postgres, ConnStatusType, PQstatus, (const PGconn *pg), (pg), return CONNECTION_BAD)
OURS(postgres, PostgresPollingStatusType, PQconnectPoll, (PGconn * pg), (pg),
     return PGRES_POLLING_FAILED)
OURS(postgres, int, PQsetnonblocking, (PGconn * pg, int on), (pg, on), return -1)
OURS(postgres, int, PQsocket, (const PGconn *pg), (pg), return -1)
OURS(postgres, int, PQsendQuery, (PGconn * pg, const char *sql), (pg, sql), return 0)
OURS(postgres, int, PQsendQueryParams,
     (PGconn * pg, const char *sql, int n, const Oid *types, const char *const *values,
      const int *lengths, const int *formats, int format),
     (pg, sql, n, types, values, lengths, formats, format), return 0)
OURS(postgres, int, PQflush, (PGconn * pg), (pg), return -1)
OURS(postgres, int, PQconsumeInput, (PGconn * pg), (pg), return 0)
OURS(postgres, PGresult *, PQgetResult, (PGconn * pg), (pg), return NULL)
OURS(postgres, ExecStatusType, PQresultStatus, (const PGresult *result), (result),
     return PGRES_FATAL_ERROR)
OURS(postgres, char *, PQresultErrorField, (const PGresult *result, int field), (result, field),
     return NULL)
OURS(postgres, PQconninfoOption *, PQconninfoParse, (const char *dsn, char **text), (dsn, text),
     if (text) *text = NULL;
     return NULL)
OURS(postgres, PQconninfoOption *, PQconndefaults, (void), (), return NULL)

/* ---- libmicrohttpd ---- */

struct MHD_Daemon *silt_torture_MHD_start_daemon(unsigned flags, uint16_t port,
                                                 MHD_AcceptPolicyCallback accepts,
                                                 void *accepts_ctx,
                                                 MHD_AccessHandlerCallback handles,
                                                 void *handles_ctx, ...);
/* The options of src/observe/admin.c come as one array: it is all there is to hand on. */
struct MHD_Daemon *silt_torture_MHD_start_daemon(unsigned flags, uint16_t port,
                                                 MHD_AcceptPolicyCallback accepts,
                                                 void *accepts_ctx,
                                                 MHD_AccessHandlerCallback handles,
                                                 void *handles_ctx, ...)
{
    va_list ap;
    va_start(ap, handles_ctx);
    struct MHD_Daemon *daemon = NULL;
    if (!HIT(admin, MHD_start_daemon))
        daemon = MHD_start_daemon_va(flags, port, accepts, accepts_ctx, handles, handles_ctx, ap);
    va_end(ap);
    return daemon;
}

OURS(admin, struct MHD_Response *, MHD_create_response_from_buffer_with_free_callback,
     (size_t n, void *bytes, MHD_ContentReaderFreeCallback release), (n, bytes, release),
     return NULL)
OURS(admin, enum MHD_Result, MHD_add_response_header,
     (struct MHD_Response * response, const char *name, const char *value), (response, name, value),
     return MHD_NO)
OURS(admin, enum MHD_Result, MHD_queue_response,
     (struct MHD_Connection * connection, unsigned code, struct MHD_Response *response),
     (connection, code, response), return MHD_NO)

const union MHD_DaemonInfo *silt_torture_MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                             enum MHD_DaemonInfoType what, ...);
const union MHD_DaemonInfo *silt_torture_MHD_get_daemon_info(struct MHD_Daemon *daemon,
                                                             enum MHD_DaemonInfoType what, ...)
{
    return HIT(admin, MHD_get_daemon_info) ? NULL : MHD_get_daemon_info(daemon, what);
}

/* ---- compression, digests, schemas ---- */

#define ZSTD_FAILS return (size_t)-ZSTD_error_memory_allocation

OURS(codec, ZSTD_CCtx *, ZSTD_createCCtx, (void), (), return NULL)
OURS(codec, ZSTD_DCtx *, ZSTD_createDCtx, (void), (), return NULL)
OURS(codec, size_t, ZSTD_compress2,
     (ZSTD_CCtx * ctx, void *to, size_t room, const void *from, size_t n), (ctx, to, room, from, n),
     ZSTD_FAILS)
OURS(codec, int, EVP_Digest,
     (const void *bytes, size_t n, unsigned char *digest, unsigned *digest_n, const EVP_MD *type,
      ENGINE *engine),
     (bytes, n, digest, digest_n, type, engine), return 0)
OURS(codec, unsigned char *, HMAC,
     (const EVP_MD *type, const void *key, int key_n, const unsigned char *bytes, size_t n,
      unsigned char *digest, unsigned *digest_n),
     (type, key, key_n, bytes, n, digest, digest_n), return NULL)
OURS(avro, int, avro_schema_from_json_length, (const char *json, size_t n, avro_schema_t *schema),
     (json, n, schema), return ENOMEM)

/* ---- looking at the worker ---- */

static struct {
    pthread_mutex_t lock;
    struct silt_worker *worker;
    struct silt_metrics *metrics;
    int port;
} seen = {.lock = PTHREAD_MUTEX_INITIALIZER};

SILT_RC silt_torture_silt_worker_start(const struct silt_worker_opts *opts,
                                       struct silt_worker **ret_worker, struct silt_err *err);
SILT_RC silt_torture_silt_worker_start(const struct silt_worker_opts *opts,
                                       struct silt_worker **ret_worker, struct silt_err *err)
{
    struct silt_rc rc = silt_worker_start(opts, ret_worker, err);
    if (!rc.ok) return rc;
    pthread_mutex_lock(&seen.lock);
    seen.worker = *ret_worker;
    seen.metrics = opts->metrics;
    seen.port = opts->observer ? silt_observer_port(opts->observer) : 0;
    pthread_mutex_unlock(&seen.lock);
    return rc;
}

bool silt_torture_silt_worker_join(struct silt_worker *worker, struct silt_err *ret_err);
bool silt_torture_silt_worker_join(struct silt_worker *worker, struct silt_err *ret_err)
{
    pthread_mutex_lock(&seen.lock);
    seen.worker = NULL;
    pthread_mutex_unlock(&seen.lock);
    return silt_worker_join(worker, ret_err);
}

bool silt_torture_look(struct silt_torture_look *ret_look)
{
    pthread_mutex_lock(&seen.lock);
    bool there = seen.worker != NULL;
    if (there) {
        *ret_look = (struct silt_torture_look){
            .caught_up = silt_worker_is_caught_up(seen.worker),
            .consumed = atomic_load(&seen.metrics->stages[SILT_STAGE_KAFKA_CONSUME].success),
            .rebalances = atomic_load(&seen.metrics->gauges[SILT_GAUGE_REBALANCES]),
            .port = seen.port};
    }
    pthread_mutex_unlock(&seen.lock);
    return there;
}

/* ---- what happens to commits ---- */

#define LOST_MAX 16

static bool loses_commits;
static bool dies_at_complete;
static struct {
    struct silt_store_req *req;
    silt_store_reply_fn *reply;
} lost[LOST_MAX]; /* consume thread only */
static unsigned lost_n;

void silt_torture_lose_commits(void)
{
    loses_commits = true;
}

void silt_torture_die_at_complete(void)
{
    dies_at_complete = true;
}

static void lose_answer(struct silt_store_req *req)
{
    unsigned i = 0;
    while (lost[i].req != req) i++;
    lost[i].req = NULL;
    req->outcome = SILT_STORE_DOUBT;
    lost[i].reply(req);
}

static bool is_commit(const struct silt_store_req *req)
{
    return req->op == SILT_OP_PUT_NEW && strncmp(req->key, "_log/", 5) == 0;
}

/* What src/commit hands to the store. Each first PUT of a slot loses its answer. */
void silt_torture_silt_store_submit(struct silt_store *store, struct silt_store_req *req);
void silt_torture_silt_store_submit(struct silt_store *store, struct silt_store_req *req)
{
    if (dies_at_complete && req->op == SILT_OP_MPU_COMPLETE) {
        atomic_store(&shared->died, true);
        _exit(0);
    }
    if (loses_commits && is_commit(req) && lost_n < LOST_MAX) {
        lost[lost_n].req = req;
        lost[lost_n++].reply = req->on_reply;
        req->on_reply = lose_answer;
    }
    silt_store_submit(store, req);
}
