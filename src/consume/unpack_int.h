/* A bound on what librdkafka unpacks. Of the four compressions it bounds zstd alone; the others
 * would make gigabytes of a batch of a megabyte, and all batches of a fetched chunk are unpacked
 * before the first record is delivered.
 *
 * The calls that unpack, and the one that hands the result on, are caught by the linker (--wrap,
 * see cmake/rdkafka.cmake), so one bound stands for the whole process. A batch that is larger than
 * one_max is damage: read again, then booked as unreadable. One that has no room beside what is
 * held is read again when there is: its thread waits a little, then the batch is refused and an
 * error of its partition says so. When little is held any batch has room, so reading goes on.
 *
 * Any thread. Functions, their arguments and that only unpacked batches have a free callback:
 * librdkafka 2.15.1, rdkafka_msgset_reader.c; the build takes no other minor version.
 */
#ifndef SILT_CONSUME_UNPACK_INT_H
#define SILT_CONSUME_UNPACK_INT_H

#include <stddef.h>
#include <stdint.h>

struct silt_unpack_stats {
    int64_t held;       /* bytes unpacked and not consumed yet */
    uint64_t held_back; /* batches refused for lack of room */
    uint64_t too_large; /* batches larger than one_max */
};

void silt_unpack_limit(int64_t held_max, int64_t one_max);
void silt_unpack_stats(struct silt_unpack_stats *ret);

/* Bytes that a batch unpacks to, or a little more; 0: it is no such batch. */
size_t silt_unpacked_lz4(const uint8_t *packed, size_t len);
size_t silt_unpacked_snappy_java(const uint8_t *packed, size_t len); /* behind its header */

#endif
