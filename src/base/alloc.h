/* The only allocator.
 *
 * Allocation does not fail: when memory is gone the process says so in one line and exits. That is
 * as safe as a SIGKILL, which the commit protocol survives at any instant, and it leaves no
 * untested path behind every call. Bulk memory (record blocks, parts) is bounded beforehand by
 * base/budget.h. Any thread.
 */
#ifndef SILT_BASE_ALLOC_H
#define SILT_BASE_ALLOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

void *silt_alloc(size_t bytes);            /* not zeroed */
void *silt_zalloc(size_t bytes);           /* zeroed */
void *silt_calloc(size_t n, size_t bytes); /* zeroed, overflow-checked */
void *silt_realloc(void *p, size_t bytes); /* p may be NULL */
void *silt_realloc_array(void *p, size_t n, size_t bytes);
char *silt_strdup(const char *s);
char *silt_strndup(const char *s, size_t n);
void *silt_memdup(const void *p, size_t bytes);
char *silt_asprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void silt_free(void *p); /* NULL is fine */

/* For what a library gives, when the only reason for not giving it is that memory is gone: then the
 * process ends in the same way. */
void silt_alloc_expect(bool given, const char *library);

#define SILT_NEW(type) ((type *)silt_zalloc(sizeof(type)))

/* Tests: the n-th allocation from now on ends the process as if memory were gone; 0 switches it
 * off. */
void silt_alloc_fail_at(uint64_t n);
uint64_t silt_alloc_count(void);

/* Calls `fn(&var)` when the variable leaves its scope. */
#define silt_auto(fn) __attribute__((cleanup(fn)))
void silt_free_auto(void *pointer_to_pointer); /* for silt_auto(silt_free_auto) char *x */

#endif
