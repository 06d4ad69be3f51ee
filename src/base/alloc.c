#include "base/alloc.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic uint64_t count;
static _Atomic uint64_t fail_at;

static _Noreturn void end(const char *what)
{
    char line[200];
    int n =
        snprintf(line, sizeof line,
                 "{\"level\":\"FATAL\",\"event\":\"out_of_memory\",\"msg\":\"%s; raise the memory "
                 "limit of the process or lower `memory`\"}\n",
                 what);
    ssize_t written = write(STDERR_FILENO, line, (size_t)n);
    (void)written;
    quick_exit(1); /* no exit handlers: they would want memory and other threads are running */
}

static _Noreturn void out_of_memory(size_t bytes)
{
    char what[60];
    snprintf(what, sizeof what, "cannot allocate %zu bytes", bytes);
    end(what);
}

void silt_alloc_expect(bool given, const char *library)
{
    char what[60];
    if (given) return;
    snprintf(what, sizeof what, "%s cannot allocate", library);
    end(what);
}

static void *check(void *p, size_t bytes)
{
    uint64_t nth = atomic_fetch_add_explicit(&count, 1, memory_order_relaxed) + 1;
    uint64_t limit = atomic_load_explicit(&fail_at, memory_order_relaxed);
    if (!p || (limit && nth >= limit)) out_of_memory(bytes);
    return p;
}

void *silt_alloc(size_t bytes)
{
    return check(malloc(bytes ? bytes : 1), bytes);
}

void *silt_zalloc(size_t bytes)
{
    return check(calloc(1, bytes ? bytes : 1), bytes);
}

void *silt_calloc(size_t n, size_t bytes)
{
    return check(calloc(n ? n : 1, bytes ? bytes : 1), bytes);
}

void *silt_realloc(void *p, size_t bytes)
{
    return check(realloc(p, bytes ? bytes : 1), bytes);
}

void *silt_realloc_array(void *p, size_t n, size_t bytes)
{
    size_t total;
    if (__builtin_mul_overflow(n, bytes, &total)) out_of_memory(SIZE_MAX);
    return silt_realloc(p, total);
}

char *silt_strdup(const char *s)
{
    return silt_memdup(s, strlen(s) + 1);
}

char *silt_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = silt_alloc(len + 1);
    memcpy(copy, s, len);
    copy[len] = '\0';
    return copy;
}

void *silt_memdup(const void *p, size_t bytes)
{
    void *copy = silt_alloc(bytes);
    if (bytes) memcpy(copy, p, bytes);
    return copy;
}

char *silt_asprintf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = NULL;
    int n = vasprintf(&text, fmt, ap);
    va_end(ap);
    return check(n < 0 ? NULL : text, 0);
}

void silt_free(void *p)
{
    free(p);
}

void silt_free_auto(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

void silt_alloc_fail_at(uint64_t n)
{
    atomic_store(&fail_at, n ? atomic_load(&count) + n : 0);
}

uint64_t silt_alloc_count(void)
{
    return atomic_load(&count);
}
