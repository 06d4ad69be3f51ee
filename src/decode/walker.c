#include "decode/walker.h"

#include "base/alloc.h"
#include "base/err.h"
#include "program_int.h"
#include "schema_tree_int.h"
#include "utf8_int.h"

#include <endian.h>

#define VARINT_MAX 10 /* bytes of a long */
#define VARINT_INT_MAX 5
#define LIKELY(cond) __builtin_expect(!!(cond), 1)
/* gcc -O2 leaves the big steps out of the switch: 110 ns a record instead of 75. Without
 * optimization each step stays one function, so that its branches are counted once. */
#ifdef __OPTIMIZE__
#define INLINE inline __attribute__((always_inline))
#else
#define INLINE inline
#endif

/* An open block or call. */
struct frame {
    const struct silt_op *back; /* where a RETURN goes */
    const uint8_t *block_end;   /* of a block that told its size, else NULL */
    uint64_t items_left;
};

struct walk {
    const uint8_t *begin;
    const uint8_t *end;
    const uint8_t *stop;   /* behind the datum, when there is one */
    const uint8_t *mark;   /* the beginning of the value that a rule looks at */
    const uint8_t *hidden; /* … and of one that is not to be archived */
    struct silt_masker *masker;
    struct silt_verdict *verdict;
    uint64_t budget;
    unsigned depth;
    struct frame frames[SILT_WALK_DEPTH_MAX]; /* not cleared: 64 of them cost more than a record */
};

/* Every step takes the position and returns the next one, or NULL after this. */
static __attribute__((noinline, cold)) const uint8_t *fail(struct walk *w, const uint8_t *at,
                                                           enum silt_reason reason)
{
    w->verdict->reason = reason;
    w->verdict->at = (uint32_t)(at - w->begin);
    return NULL;
}

static int64_t unzigzag(uint64_t n)
{
    return (int64_t)(n >> 1 ^ -(n & 1));
}

/* Varints close to the end of the body, and those that are too long. */
static __attribute__((noinline)) const uint8_t *varint_bytewise(struct walk *w, const uint8_t *at,
                                                                uint64_t *ret_n)
{
    uint64_t n = 0;
    for (unsigned i = 0;; i++) {
        if (at + i == w->end) return fail(w, at, SILT_REASON_TRUNCATED);
        uint8_t byte = at[i];
        if (i == VARINT_MAX - 1 && byte > 1) break;
        n |= (uint64_t)(byte & 0x7F) << 7 * i;
        if (byte < 0x80) {
            *ret_n = n;
            return at + i + 1;
        }
    }
    return fail(w, at, SILT_REASON_VARINT);
}

/* Eight bytes at once: the first byte without continuation bit ends the number; its groups of seven
 * bits are then pushed together. */
static INLINE const uint8_t *varint(struct walk *w, const uint8_t *at, uint64_t *ret_n)
{
    if (LIKELY(at < w->end && *at < 0x80)) {
        *ret_n = *at;
        return at + 1;
    }
    if (w->end - at < 8) return varint_bytewise(w, at, ret_n);
    uint64_t word;
    memcpy(&word, at, sizeof word);
    word = le64toh(word);
    uint64_t stops = ~word & SILT_HIGH_BITS;
    if (stops == 0) return varint_bytewise(w, at, ret_n);
    unsigned bytes = ((unsigned)__builtin_ctzll(stops) >> 3) + 1;
    word &= (stops ^ (stops - 1)) & ~SILT_HIGH_BITS;
    word = (word & 0x007f007f007f007f) | (word & 0x7f007f007f007f00) >> 1;
    word = (word & 0x00003fff00003fff) | (word & 0x3fff00003fff0000) >> 2;
    *ret_n = (word & 0x000000000fffffff) | (word & 0x0fffffff00000000) >> 4;
    return at + bytes;
}

static INLINE const uint8_t *read_long(struct walk *w, const uint8_t *at, int64_t *ret_n)
{
    uint64_t n;
    const uint8_t *next = varint(w, at, &n);
    if (next) *ret_n = unzigzag(n);
    return next;
}

static INLINE const uint8_t *read_int(struct walk *w, const uint8_t *at, int64_t *ret_n)
{
    uint64_t n;
    const uint8_t *next = varint(w, at, &n);
    if (!next) return NULL;
    if (n > UINT32_MAX || next - at > VARINT_INT_MAX) return fail(w, at, SILT_REASON_VARINT);
    *ret_n = unzigzag(n);
    return next;
}

static INLINE const uint8_t *walk_skip(struct walk *w, const uint8_t *at, uint64_t bytes)
{
    if (bytes > (uint64_t)(w->end - at)) return fail(w, at, SILT_REASON_TRUNCATED);
    return at + bytes;
}

static INLINE const uint8_t *walk_boolean(struct walk *w, const uint8_t *at)
{
    if (at == w->end) return fail(w, at, SILT_REASON_TRUNCATED);
    if (*at > 1) return fail(w, at, SILT_REASON_BOOLEAN);
    return at + 1;
}

static INLINE const uint8_t *walk_bytes(struct walk *w, const uint8_t *at,
                                        struct silt_slice *ret_bytes)
{
    int64_t len;
    const uint8_t *content = read_long(w, at, &len);
    if (!content) return NULL;
    if (len < 0 || len > w->end - content) return fail(w, at, SILT_REASON_LENGTH);
    *ret_bytes = silt_slice_of(content, (size_t)len);
    return content + len;
}

static INLINE const uint8_t *walk_string(struct walk *w, const uint8_t *at,
                                         struct silt_slice *ret_text)
{
    const uint8_t *next = walk_bytes(w, at, ret_text);
    if (!next || LIKELY(silt_utf8_is_ascii(ret_text->ptr, ret_text->len))) return next;
    size_t valid = silt_utf8_valid_len(ret_text->ptr, ret_text->len);
    if (valid < ret_text->len) return fail(w, ret_text->ptr + valid, SILT_REASON_UTF8);
    return next;
}

static INLINE const uint8_t *walk_index(struct walk *w, const uint8_t *at, uint64_t choices,
                                        enum silt_reason reason, int64_t *ret_index)
{
    const uint8_t *next = read_int(w, at, ret_index);
    if (next && (uint64_t)*ret_index >= choices) return fail(w, at, reason);
    return next;
}

/* Times before 1970 round down like all others. */
static int64_t to_ms(int64_t time, int64_t per_ms)
{
    return time / per_ms - (time % per_ms < 0);
}

static const uint8_t *walk_time(struct walk *w, const uint8_t *at, uint64_t per_ms)
{
    int64_t time;
    const uint8_t *next = read_long(w, at, &time);
    if (next) w->verdict->time_ms = to_ms(time, (int64_t)per_ms);
    return next;
}

/* The head of a block: a count; when it is negative, the size in bytes follows. */
static const uint8_t *block_head(struct walk *w, const uint8_t *at, uint64_t *ret_items,
                                 const uint8_t **ret_block_end)
{
    int64_t count;
    const uint8_t *next = read_long(w, at, &count);
    if (!next) return NULL;
    *ret_items = (uint64_t)count;
    *ret_block_end = NULL;
    if (LIKELY(count >= 0)) return next;
    int64_t size;
    next = read_long(w, next, &size);
    if (!next) return NULL;
    if (size < 0 || size > w->end - next) return fail(w, at, SILT_REASON_BLOCK);
    *ret_items = -(uint64_t)count;
    *ret_block_end = next + size;
    return next;
}

/* Opens the next block of the topmost frame; items_left is 0 after the last one. */
static INLINE const uint8_t *open_block(struct walk *w, const uint8_t *at)
{
    struct frame *frame = &w->frames[w->depth - 1];
    const uint8_t *next = block_head(w, at, &frame->items_left, &frame->block_end);
    if (!next) return NULL;
    const uint8_t *limit = frame->block_end ? frame->block_end : w->end;
    if (frame->items_left > (uint64_t)(limit - next)) return fail(w, at, SILT_REASON_BLOCK);
    return next;
}

static const uint8_t *spend(struct walk *w, const uint8_t *at, uint64_t work)
{
    if (work > w->budget) return fail(w, at, SILT_REASON_WORK);
    w->budget -= work;
    return at;
}

static const uint8_t *fixed_block(struct walk *w, const uint8_t *at, uint64_t items, uint64_t width)
{
    if (width == 0) {
        if (items > SILT_ITEMS_NO_BYTES_MAX) return fail(w, at, SILT_REASON_WORK);
        return spend(w, at, items);
    }
    if (items > (uint64_t)(w->end - at) / width) return fail(w, at, SILT_REASON_BLOCK);
    return at + items * width;
}

static const uint8_t *walk_fixed_items(struct walk *w, const uint8_t *at, uint64_t width)
{
    for (uint64_t items = 1; items;) {
        const uint8_t *block_end;
        const uint8_t *head = at;
        at = block_head(w, at, &items, &block_end);
        if (at) at = fixed_block(w, at, items, width);
        if (!at) return NULL;
        if (block_end && at != block_end) return fail(w, head, SILT_REASON_BLOCK);
    }
    return at;
}

static INLINE const uint8_t *enter(struct walk *w, const uint8_t *at, const struct silt_op *back)
{
    if (w->depth == SILT_WALK_DEPTH_MAX) return fail(w, at, SILT_REASON_DEPTH);
    w->frames[w->depth++].back = back;
    return at;
}

/* The end of an item: the next item, the next block, or the end of the array. */
static INLINE const uint8_t *walk_again(struct walk *w, const uint8_t *at)
{
    struct frame *frame = &w->frames[w->depth - 1];
    if (--frame->items_left > 0) return at;
    if (frame->block_end && at != frame->block_end) return fail(w, at, SILT_REASON_BLOCK);
    return open_block(w, at);
}

/* A value that was found valid is read once more; only fields with rules pay for that. */
static __attribute__((noinline)) enum silt_check
broken_check(struct walk *w, const struct silt_rule *rule, enum silt_type_kind type)
{
    int64_t number = 0;
    struct silt_slice bytes;
    uint64_t word = 0;
    float single;
    double real;
    switch (type) {
    case SILT_TYPE_INT:
    case SILT_TYPE_LONG: read_long(w, w->mark, &number); return silt_rule_check_long(rule, number);
    case SILT_TYPE_FLOAT:
        memcpy(&word, w->mark, sizeof single);
        word = le32toh((uint32_t)word);
        memcpy(&single, &(uint32_t){(uint32_t)word}, sizeof single);
        return silt_rule_check_double(rule, (double)single);
    case SILT_TYPE_DOUBLE:
        memcpy(&word, w->mark, sizeof word);
        word = le64toh(word);
        memcpy(&real, &word, sizeof real);
        return silt_rule_check_double(rule, real);
    case SILT_TYPE_NULL: return SILT_CHECK_NOT_NULL;
    default:
        walk_bytes(w, w->mark, &bytes);
        return silt_rule_check_bytes(rule, bytes, type == SILT_TYPE_STRING);
    }
}

static const uint8_t *walk_rule(struct walk *w, const uint8_t *at, const struct silt_rule *rule,
                                enum silt_type_kind type)
{
    enum silt_check broken = broken_check(w, rule, type);
    if (broken == SILT_CHECK_NONE) return at;
    w->verdict->rule = rule;
    w->verdict->broken = broken;
    return fail(w, type == SILT_TYPE_NULL ? at : w->mark, SILT_REASON_RULE);
}

static void hash(struct walk *w, const uint8_t *at, enum silt_type_kind type)
{
    struct silt_slice content;
    walk_bytes(w, w->hidden, &content);
    silt_masker_hash(w->masker, w->hidden, at, content, type == SILT_TYPE_STRING);
}

/* One page would be nicer; it is the interpreter's one switch. */
static bool run(struct walk *w, const struct silt_program *program)
{
    const struct silt_op *pc = program->ops;
    const uint8_t *at = w->begin;
    while (at) {
        const struct silt_op *op = pc++;
        struct silt_slice bytes;
        int64_t n = 0;
        switch (op->kind) {
        case SILT_OP_SKIP: at = walk_skip(w, at, op->n); break;
        case SILT_OP_BOOLEAN: at = walk_boolean(w, at); break;
        case SILT_OP_INT: at = read_int(w, at, &n); break;
        case SILT_OP_LONG: at = read_long(w, at, &n); break;
        case SILT_OP_TIME: at = walk_time(w, at, op->n); break;
        case SILT_OP_BYTES: at = walk_bytes(w, at, &bytes); break;
        case SILT_OP_STRING: at = walk_string(w, at, &bytes); break;
        case SILT_OP_SENSOR_ID:
            at = walk_string(w, at, &bytes);
            if (at) w->verdict->sensor_id = bytes;
            break;
        case SILT_OP_ENUM: at = walk_index(w, at, op->n, SILT_REASON_ENUM, &n); break;
        case SILT_OP_UNION:
            at = walk_index(w, at, op->n, SILT_REASON_UNION, &n);
            if (at) pc = program->ops + program->jumps[op->next + (uint64_t)n];
            break;
        case SILT_OP_FIXED_ITEMS: at = walk_fixed_items(w, at, op->n); break;
        case SILT_OP_BLOCKS:
            at = enter(w, at, NULL);
            if (at) at = open_block(w, at);
            if (!at || w->frames[w->depth - 1].items_left) break;
            w->depth--;
            pc = program->ops + op->next;
            break;
        case SILT_OP_AGAIN:
            at = walk_again(w, at);
            pc = program->ops + op->next + 1;
            if (!at || w->frames[w->depth - 1].items_left) break;
            w->depth--;
            pc = program->ops + program->ops[op->next].next;
            break;
        case SILT_OP_CALL:
            at = spend(w, at, 1);
            if (at) at = enter(w, at, pc);
            pc = program->ops + op->next;
            break;
        case SILT_OP_RETURN: pc = w->frames[--w->depth].back; break;
        case SILT_OP_JUMP: pc = program->ops + op->next; break;
        case SILT_OP_MARK: w->mark = at; break;
        case SILT_OP_RULE:
            at = walk_rule(w, at, program->rules[op->n], (enum silt_type_kind)op->next);
            break;
        case SILT_OP_HIDE: w->hidden = at; break;
        case SILT_OP_DROP:
            silt_masker_put(w->masker, w->hidden, at, silt_buf_slice(&program->blanks[op->n]));
            break;
        case SILT_OP_HASH: hash(w, at, (enum silt_type_kind)op->next); break;
        default: /* END */ w->stop = at; return true;
        }
    }
    return false;
}

static bool walk(struct walk *w, const struct silt_program *program, struct silt_slice body,
                 struct silt_masker *masker, struct silt_verdict *ret_verdict)
{
    static const uint8_t nothing[1];
    SILT_ASSERT(body.len <= UINT32_MAX);
    *ret_verdict = (struct silt_verdict){.reason = SILT_REASON_NONE, .time_ms = SILT_NO_TIMESTAMP};
    w->begin = body.len ? body.ptr : nothing;
    w->end = w->begin + body.len;
    w->verdict = ret_verdict;
    w->budget = SILT_WORK_BASE + (uint64_t)SILT_WORK_PER_BYTE * body.len;
    w->depth = 0;
    w->mark = w->hidden = w->begin;
    w->masker = masker;
    return run(w, program);
}

bool silt_walk(const struct silt_program *program, struct silt_slice body,
               struct silt_masker *masker, struct silt_verdict *ret_verdict)
{
    struct walk w;
    if (!walk(&w, program, body, masker, ret_verdict)) return false;
    if (w.stop != w.end) fail(&w, w.stop, SILT_REASON_TRAILING);
    return w.stop == w.end;
}

bool silt_walk_prefix(const struct silt_program *program, struct silt_slice bytes, size_t *ret_len,
                      struct silt_verdict *ret_verdict)
{
    struct walk w;
    if (!walk(&w, program, bytes, NULL, ret_verdict)) return false;
    *ret_len = (size_t)(w.stop - w.begin);
    return true;
}

void silt_program_free(struct silt_program *program)
{
    if (!program) return;
    silt_free(program->ops);
    silt_free(program->jumps);
    silt_free(program->rules);
    for (unsigned i = 0; i < program->blanks_n; i++) silt_buf_done(&program->blanks[i]);
    silt_free(program->blanks);
    silt_free(program);
}
