#include "cli/sensor_schema.h"

#include "harness.h"

#include <stdlib.h>

static void the_texts_are_those_of_the_files(void)
{
    char *one = silt_test_read(SILT_SOURCE_DIR "/schemas/avro/sensor_reading.v1.avsc", NULL);
    char *two = silt_test_read(SILT_SOURCE_DIR "/schemas/avro/sensor_reading.v2.avsc", NULL);
    CU_ASSERT_STRING_EQUAL(silt_sensor_schema(1), one);
    CU_ASSERT_STRING_EQUAL(silt_sensor_schema(2), two);
    free(one);
    free(two);
}

SILT_TESTS("sensor_schema", {"the texts are those of the files", the_texts_are_those_of_the_files})
