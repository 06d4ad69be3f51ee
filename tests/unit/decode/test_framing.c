#include "framing_int.h"

#include "harness.h"

static const char *read_as(enum silt_framing framing, const char *bytes, size_t len,
                           struct silt_framed *ret)
{
    return silt_framing_read(framing, silt_slice_of(bytes, len), ret);
}

static void confluent_has_a_zero_and_an_id(void)
{
    struct silt_framed framed;
    CU_ASSERT_PTR_NULL(read_as(SILT_FRAMING_CONFLUENT, "\0\1\2\3\4z", 6, &framed));
    CU_ASSERT_EQUAL(framed.schema_id, 0x01020304);
    CU_ASSERT_EQUAL(framed.framing.len, 5);
    CU_ASSERT(silt_slice_eq(framed.body, silt_slice_str("z")));
    CU_ASSERT_PTR_NULL(read_as(SILT_FRAMING_CONFLUENT, "\0\0\0\0\7", 5, &framed));
    CU_ASSERT_EQUAL(framed.body.len, 0);
    CU_ASSERT_PTR_NULL(read_as(SILT_FRAMING_CONFLUENT, "\0\xff\xff\xff\xfe", 5, &framed));
    CU_ASSERT_EQUAL(framed.schema_id, -2);
    CU_ASSERT_PTR_NOT_NULL(read_as(SILT_FRAMING_CONFLUENT, "\0\0\0\0", 4, &framed));
    CU_ASSERT_PTR_NOT_NULL(read_as(SILT_FRAMING_CONFLUENT, "\1\0\0\0\7", 5, &framed));
    CU_ASSERT_EQUAL(framed.schema_id, SILT_NO_SCHEMA_ID);
}

static void single_object_has_a_mark_and_a_fingerprint(void)
{
    struct silt_framed framed;
    CU_ASSERT_PTR_NULL(
        read_as(SILT_FRAMING_SINGLE_OBJECT, "\xc3\x01\1\2\3\4\5\6\7\x08z", 11, &framed));
    CU_ASSERT_EQUAL(framed.fingerprint, 0x0807060504030201ull);
    CU_ASSERT_EQUAL(framed.framing.len, 10);
    CU_ASSERT_EQUAL(framed.body.len, 1);
    CU_ASSERT_EQUAL(framed.schema_id, SILT_NO_SCHEMA_ID);
    CU_ASSERT_PTR_NOT_NULL(
        read_as(SILT_FRAMING_SINGLE_OBJECT, "\xc3\x01\1\2\3\4\5\6\7", 9, &framed));
    CU_ASSERT_PTR_NOT_NULL(
        read_as(SILT_FRAMING_SINGLE_OBJECT, "\xc3\x02\1\2\3\4\5\6\7\x08", 10, &framed));
    CU_ASSERT_PTR_NOT_NULL(
        read_as(SILT_FRAMING_SINGLE_OBJECT, "\x00\x01\1\2\3\4\5\6\7\x08", 10, &framed));
}

static void no_framing_is_all_body(void)
{
    struct silt_framed framed;
    CU_ASSERT_PTR_NULL(read_as(SILT_FRAMING_NONE, "zz", 2, &framed));
    CU_ASSERT_EQUAL(framed.framing.len, 0);
    CU_ASSERT_EQUAL(framed.body.len, 2);
}

SILT_TESTS("framing", {"confluent has a zero and an id", confluent_has_a_zero_and_an_id},
           {"single-object has a mark and a fingerprint",
            single_object_has_a_mark_and_a_fingerprint},
           {"no framing is all body", no_framing_is_all_body})
