/* What the product and jansson find in the place of base/alloc.c: each block hangs on the list of
 * the worker that took it, so that a SIGKILL can drop them all. What is let go is kept for the next
 * block of its class, a power of two; the address sanitizer gets every block for itself. */
#include "sim.h"

#include "base/alloc.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define ROOM ((size_t)1 << 34) /* of addresses; a page costs memory once it is touched */
#define CLASS_MIN 6u           /* 64 bytes */
#define CLASS_MAX 30u

void __real_free(void *);
void __wrap_free(void *);

static struct sim_block home = {.prev = &home, .next = &home}; /* the world's, for a seed */
static struct sim_block kept = {.prev = &kept, .next = &kept}; /* for ever */
static bool keeps;

/* ---- rooms ---- */

#ifdef __SANITIZE_ADDRESS__

static struct sim_block *get_room(size_t bytes)
{
    return malloc(bytes);
}

static void give_room(struct sim_block *block)
{
    __real_free(block);
}

#else

static struct sim_block *spare[CLASS_MAX + 1]; /* by class */

static unsigned class_of(size_t bytes)
{
    if (bytes <= (size_t)1 << CLASS_MIN) return CLASS_MIN;
    return 64 - (unsigned)__builtin_clzl(bytes - 1);
}

static struct sim_block *new_room(unsigned class)
{
    static uint8_t *room;
    static size_t used;
    if (!room)
        room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    SILT_ASSERT(room != MAP_FAILED && used + ((size_t)1 << class) <= ROOM);
    void *block = room + used;
    used += (size_t)1 << class;
    return block;
}

static struct sim_block *get_room(size_t bytes)
{
    unsigned class = class_of(bytes);
    SILT_ASSERT(class <= CLASS_MAX);
    struct sim_block *block = spare[class];
    if (!block) return new_room(class);
    spare[class] = block->next;
    return block;
}

static void give_room(struct sim_block *block)
{
    unsigned class = class_of(block->bytes);
    block->next = spare[class];
    spare[class] = block;
}

#endif

/* ---- lists ---- */

static void link_block(struct sim_block *block)
{
    struct sim_block *list = sim_current ? &sim_current->blocks : &home;
    if (keeps) list = &kept;
    block->prev = list;
    block->next = list->next;
    list->next->prev = block;
    list->next = block;
}

static void unlink_block(struct sim_block *block)
{
    block->prev->next = block->next;
    block->next->prev = block->prev;
}

void sim_drop_memory(struct sim_proc *proc)
{
    struct sim_block *list = proc ? &proc->blocks : &home;
    struct sim_block *next;
    for (struct sim_block *block = list->next; block && block != list; block = next) {
        next = block->next;
        give_room(block);
    }
    list->prev = list->next = list;
}

void sim_keep_memory(bool keep)
{
    keeps = keep;
}

/* ---- base/alloc.h ---- */

void *silt_alloc(size_t bytes)
{
    struct sim_block *block = get_room(sizeof *block + bytes);
    SILT_ASSERT(block);
    block->bytes = sizeof *block + bytes;
    link_block(block);
    return block + 1;
}

void *silt_zalloc(size_t bytes)
{
    return memset(silt_alloc(bytes), 0, bytes);
}

void *silt_calloc(size_t n, size_t bytes)
{
    return silt_zalloc(n * bytes);
}

void *silt_realloc(void *p, size_t bytes)
{
    if (!p) return silt_alloc(bytes);
    const struct sim_block *block = (struct sim_block *)p - 1;
    size_t old = block->bytes - sizeof *block;
    void *moved = memcpy(silt_alloc(bytes), p, old < bytes ? old : bytes);
    silt_free(p);
    return moved;
}

void *silt_realloc_array(void *p, size_t n, size_t bytes)
{
    return silt_realloc(p, n * bytes);
}

void silt_free(void *p)
{
    if (!p) return;
    struct sim_block *block = (struct sim_block *)p - 1;
    unlink_block(block);
    give_room(block);
}

/* The product's: of what jansson took. */
void __wrap_free(void *p)
{
    silt_free(p);
}

void silt_alloc_expect(bool given, const char *library)
{
    (void)library;
    SILT_ASSERT(given);
}

void silt_free_auto(void *pointer_to_pointer)
{
    silt_free(*(void **)pointer_to_pointer);
}

void *silt_memdup(const void *p, size_t bytes)
{
    void *copy = silt_alloc(bytes);
    if (bytes) memcpy(copy, p, bytes);
    return copy;
}

char *silt_strdup(const char *s)
{
    return silt_memdup(s, strlen(s) + 1);
}

char *silt_strndup(const char *s, size_t n)
{
    size_t len = strnlen(s, n);
    char *copy = silt_zalloc(len + 1);
    memcpy(copy, s, len);
    return copy;
}

char *silt_asprintf(const char *fmt, ...)
{
    char text[2048];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    SILT_ASSERT(n >= 0 && (size_t)n < sizeof text);
    return silt_strdup(text);
}
