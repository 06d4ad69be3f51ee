#include "cli/sensor_schema.h"

#include "base/alloc.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/hash.h"
#include "consume/gen.h"
#include "decode/schema.h"

/* clang-format off */
static const char *const texts[SILT_GEN_VERSIONS] = {
    "{\n"
    "  \"type\": \"record\",\n"
    "  \"name\": \"SensorReading\",\n"
    "  \"namespace\": \"silt.sensors\",\n"
    "  \"doc\": \"One reading of one sensor.\",\n"
    "  \"fields\": [\n"
    "    {\"name\": \"sensor_id\", \"type\": \"string\", \"doc\": \"Identifies the sensor across all sites.\"},\n"
    "    {\"name\": \"ts\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}, \"doc\": \"When it was measured, UTC.\"},\n"
    "    {\"name\": \"kind\", \"doc\": \"What was measured.\", \"type\": {\n"
    "      \"type\": \"enum\", \"name\": \"SensorKind\", \"doc\": \"Physical quantities a sensor can report.\",\n"
    "      \"symbols\": [\"TEMPERATURE\", \"HUMIDITY\", \"PRESSURE\", \"VIBRATION\", \"VOLTAGE\"]}},\n"
    "    {\"name\": \"value\", \"type\": \"double\", \"doc\": \"The measured value, in `unit`.\"},\n"
    "    {\"name\": \"unit\", \"type\": \"string\", \"default\": \"\", \"doc\": \"UCUM code of the unit, such as Cel or hPa.\"},\n"
    "    {\"name\": \"location\", \"doc\": \"Where the sensor is mounted.\", \"type\": {\n"
    "      \"type\": \"record\", \"name\": \"Location\", \"doc\": \"A place, WGS 84.\", \"fields\": [\n"
    "        {\"name\": \"lat\", \"type\": \"double\", \"doc\": \"Degrees north.\"},\n"
    "        {\"name\": \"lon\", \"type\": \"double\", \"doc\": \"Degrees east.\"},\n"
    "        {\"name\": \"site\", \"type\": \"string\", \"default\": \"\", \"doc\": \"Name of the site.\"}]}},\n"
    "    {\"name\": \"tags\", \"type\": {\"type\": \"map\", \"values\": \"string\"}, \"default\": {}, \"doc\": \"Free labels.\"},\n"
    "    {\"name\": \"samples\", \"type\": {\"type\": \"array\", \"items\": \"float\"}, \"default\": [], \"doc\": \"Raw samples behind `value`, oldest first.\"},\n"
    "    {\"name\": \"battery\", \"type\": [\"null\", \"float\"], \"default\": null, \"doc\": \"Charge from 0 to 1; null for mains power.\"},\n"
    "    {\"name\": \"raw\", \"type\": \"bytes\", \"default\": \"\", \"doc\": \"The device's own frame, for diagnosis.\"}\n"
    "  ]\n"
    "}\n",
    "{\n"
    "  \"type\": \"record\",\n"
    "  \"name\": \"SensorReading\",\n"
    "  \"namespace\": \"silt.sensors\",\n"
    "  \"doc\": \"One reading of one sensor.\",\n"
    "  \"fields\": [\n"
    "    {\"name\": \"sensor_id\", \"type\": \"string\", \"doc\": \"Identifies the sensor across all sites.\"},\n"
    "    {\"name\": \"ts\", \"type\": {\"type\": \"long\", \"logicalType\": \"timestamp-millis\"}, \"doc\": \"When it was measured, UTC.\"},\n"
    "    {\"name\": \"kind\", \"doc\": \"What was measured.\", \"type\": {\n"
    "      \"type\": \"enum\", \"name\": \"SensorKind\", \"doc\": \"Physical quantities a sensor can report.\",\n"
    "      \"symbols\": [\"TEMPERATURE\", \"HUMIDITY\", \"PRESSURE\", \"VIBRATION\", \"VOLTAGE\"]}},\n"
    "    {\"name\": \"value\", \"type\": \"double\", \"doc\": \"The measured value, in `unit`.\"},\n"
    "    {\"name\": \"unit\", \"type\": \"string\", \"default\": \"\", \"doc\": \"UCUM code of the unit, such as Cel or hPa.\"},\n"
    "    {\"name\": \"location\", \"doc\": \"Where the sensor is mounted.\", \"type\": {\n"
    "      \"type\": \"record\", \"name\": \"Location\", \"doc\": \"A place, WGS 84.\", \"fields\": [\n"
    "        {\"name\": \"lat\", \"type\": \"double\", \"doc\": \"Degrees north.\"},\n"
    "        {\"name\": \"lon\", \"type\": \"double\", \"doc\": \"Degrees east.\"},\n"
    "        {\"name\": \"site\", \"type\": \"string\", \"default\": \"\", \"doc\": \"Name of the site.\"}]}},\n"
    "    {\"name\": \"tags\", \"type\": {\"type\": \"map\", \"values\": \"string\"}, \"default\": {}, \"doc\": \"Free labels.\"},\n"
    "    {\"name\": \"samples\", \"type\": {\"type\": \"array\", \"items\": \"float\"}, \"default\": [], \"doc\": \"Raw samples behind `value`, oldest first.\"},\n"
    "    {\"name\": \"battery\", \"type\": [\"null\", \"float\"], \"default\": null, \"doc\": \"Charge from 0 to 1; null for mains power.\"},\n"
    "    {\"name\": \"raw\", \"type\": \"bytes\", \"default\": \"\", \"doc\": \"The device's own frame, for diagnosis.\"},\n"
    "    {\"name\": \"firmware\", \"type\": [\"null\", \"string\"], \"default\": null, \"doc\": \"Firmware version of the device; null when it does not tell.\"},\n"
    "    {\"name\": \"quality\", \"type\": \"int\", \"default\": 100, \"doc\": \"How far the value can be trusted, 0 to 100.\"},\n"
    "    {\"name\": \"calibration\", \"type\": {\"type\": \"bytes\", \"logicalType\": \"decimal\", \"precision\": 10, \"scale\": 2}, \"default\": \"\\u0000\", \"doc\": \"Correction already contained in `value`, in `unit`.\"}\n"
    "  ]\n"
    "}\n",
};
/* clang-format on */

const char *silt_sensor_schema(unsigned version)
{
    SILT_ASSERT(version >= 1 && version <= SILT_GEN_VERSIONS);
    return texts[version - 1];
}

SILT_RC silt_sensor_fingerprints(uint64_t *ret_fingerprints, unsigned versions_n,
                                 struct silt_err *err)
{
    for (unsigned v = 0; v < versions_n; v++) {
        struct silt_buf canonical silt_auto(silt_buf_done);
        silt_buf_init(&canonical, SILT_BUF_MAX_DEFAULT);
        SILT_TRY(silt_schema_canonical(silt_slice_str(silt_sensor_schema(v + 1)), &canonical, err));
        ret_fingerprints[v] = silt_crc64_avro(canonical.data, canonical.len);
    }
    return SILT_OK;
}
