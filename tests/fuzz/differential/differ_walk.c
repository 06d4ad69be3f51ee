/* The walker's verdicts on a file of schemas and data, for comparing with other readers.
 *
 *   differ_walk FILE > VERDICTS
 *
 * FILE: for each schema its length and JSON, the number of data, and each with its length; numbers
 * are 4 bytes, little-endian. VERDICTS: a byte for each datum, the reason (record/reason.def), 0
 * for a valid one.
 */
#include "base/alloc.h"
#include "decode/schema.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void stop(const char *why)
{
    fprintf(stderr, "differ_walk: %s\n", why);
    exit(2);
}

/* @return false at the end of the file. */
static bool read_number(FILE *in, uint32_t *ret_n)
{
    uint8_t bytes[4];
    if (fread(bytes, 1, 4, in) != 4) return false;
    memcpy(ret_n, bytes, 4);
    *ret_n = le32toh(*ret_n);
    return true;
}

/* A sized text into memory that ends where it ends. */
static struct silt_slice read_bytes(FILE *in)
{
    uint32_t len;
    if (!read_number(in, &len)) stop("the file ends inside");
    uint8_t *bytes = silt_alloc(len);
    if (fread(bytes, 1, len, in) != len) stop("the file ends inside");
    return silt_slice_of(bytes, len);
}

static void judge(FILE *in, const struct silt_schema *schema)
{
    struct silt_verdict verdict;
    struct silt_slice body = read_bytes(in);
    (void)silt_walk(schema->program, body, NULL, &verdict);
    putchar((int)verdict.reason);
    silt_free((void *)(uintptr_t)body.ptr);
}

static void judge_all(FILE *in, struct silt_slice json)
{
    const struct silt_schema_opts opts = {.id = 1, .sensor_id_field = "", .time_field = ""};
    struct silt_schema *schema;
    struct silt_err err;
    uint32_t data_n;
    if (!silt_ok(silt_schema_new(json, &opts, &schema, &err))) stop(err.text);
    if (!read_number(in, &data_n)) stop("the file ends inside");
    while (data_n--) judge(in, schema);
    silt_schema_unref(schema);
}

int main(int argc, char **argv)
{
    FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!in) stop("usage: differ_walk FILE");
    for (int c; (c = getc(in)) != EOF;) {
        ungetc(c, in);
        struct silt_slice json = read_bytes(in);
        judge_all(in, json);
        silt_free((void *)(uintptr_t)json.ptr);
    }
    fclose(in);
    return fflush(stdout) == 0 ? 0 : 2;
}
