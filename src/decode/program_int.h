/* The validation program: flat code for the walker, made once from a writer schema.
 *
 * Records that are used once stand inline, so a plain record is straight-line code; records used
 * more often (and recursive ones) are subroutines. Fixed-width neighbours are merged into one SKIP
 * and types without bytes leave no code, so that every step but a jump, a call or a return consumes
 * at least one byte.
 *
 *   SKIP n            n bytes of any content
 *   UNION n next      index 0…n-1; goes on at jumps[next + index]
 *   FIXED_ITEMS n     an array of items of exactly n bytes (0: items without bytes)
 *   BLOCKS next       blocks of items, whose code follows; goes on at `next` after the last block
 *   AGAIN next        end of an item; `next` is its BLOCKS
 *   CALL next, RETURN, JUMP next, END
 *   MARK              remembers where the next value begins
 *   RULE n next       the value since MARK, of type `next` (enum silt_type_kind), by the n-th rule;
 *                     a null has no bytes and no MARK
 *   HIDE              remembers where a value begins that must not be archived
 *   DROP n            the n-th blank datum stands for what lies between
 *   HASH next         its hash does; of type `next`, string or bytes
 *   SENSOR_ID, TIME n a string and a long that the verdict reports; n counts per millisecond: the
 *                     time is value / n
 */
#ifndef SILT_DECODE_PROGRAM_INT_H
#define SILT_DECODE_PROGRAM_INT_H

#include "base/buf.h"
#include "decode/rules.h"

#include <stdint.h>

enum silt_op_kind {
    SILT_OP_END,
    SILT_OP_SKIP,
    SILT_OP_BOOLEAN,
    SILT_OP_INT,
    SILT_OP_LONG,
    SILT_OP_TIME,
    SILT_OP_BYTES,
    SILT_OP_STRING,
    SILT_OP_SENSOR_ID,
    SILT_OP_ENUM,
    SILT_OP_UNION,
    SILT_OP_FIXED_ITEMS,
    SILT_OP_BLOCKS,
    SILT_OP_AGAIN,
    SILT_OP_CALL,
    SILT_OP_RETURN,
    SILT_OP_JUMP,
    SILT_OP_MARK,
    SILT_OP_RULE,
    SILT_OP_HIDE,
    SILT_OP_DROP,
    SILT_OP_HASH,
};

struct silt_op {
    enum silt_op_kind kind;
    uint32_t next;
    uint64_t n;
};

struct silt_program {
    struct silt_op *ops;
    uint32_t *jumps;
    unsigned ops_n;
    unsigned jumps_n;
    const struct silt_rule **rules; /* the array is owned, the rules are the decoder's */
    unsigned rules_n;
    struct silt_buf *blanks;
    unsigned blanks_n;
    const char *unmasked; /* the first path of the masks that is not in the schema; NULL: none */
};

#define SILT_WALK_DEPTH_MAX 64
#define SILT_ITEMS_NO_BYTES_MAX (1u << 20) /* items without bytes in one block */
#define SILT_WORK_BASE (1u << 20)          /* calls and items without bytes in one record … */
#define SILT_WORK_PER_BYTE 16              /* … and for each byte of it */

#endif
