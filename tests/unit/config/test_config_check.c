#include "bad_input.h"
#include "config/config.h"
#include "harness.h"

#include <string.h>

static const struct bad_file contradictions[] = {
    {"archive:\n  root: /var/lib/silt\n",
     "silt.yaml:2: archive.root is \"/var/lib/silt\", but must begin with s3:// or file:///"},
    {"archive:\n  root: file://var/lib/silt\n",
     "silt.yaml:2: archive.root is \"file://var/lib/silt\", but a directory needs three slashes "
     "and its whole path: file:///var/lib/silt"},
    {"archive:\n  root: s3://\n",
     "silt.yaml:2: archive.root is \"s3://\", but the bucket is missing: s3://bucket/prefix"},
    {"archive:\n  root: s3://bucket/x\n",
     "silt.yaml:2: archive.root is on AWS, but s3.region is not set; set it, AWS_REGION, or "
     "s3.endpoint for another store"},
    {"archive:\n  root: gs://bucket\n",
     "silt.yaml:2: archive.root is \"gs://bucket\", but must begin with s3:// or file:///"},
    {"schema:\n  registry: localhost:8081\n",
     "silt.yaml:2: schema.registry is \"localhost:8081\", but must begin with http:// or https://"},
    {"schema:\n  registry: http://user:pw@host\n",
     "silt.yaml:2: schema.registry holds a user or password; remove them and set the options for "
     "them, such as schema.registry_user or s3.access_key_id"},
    {"s3:\n  endpoint: http://\n",
     "silt.yaml:2: s3.endpoint is \"http://\", but names no host; write http://host:port"},
    {"metrics:\n  listen: 9464\n",
     "silt.yaml:2: metrics.listen is \"9464\", but must be host:port, such as 127.0.0.1:9464"},
    {"metrics:\n  listen: host:99999\n", "silt.yaml:2: metrics.listen is \"host:99999\", but must "
                                         "be host:port, such as 127.0.0.1:9464"},
    {"metrics:\n  cloudwatch: true\n",
     "silt.yaml:2: metrics.cloudwatch is true, but neither metrics.cloudwatch_region nor s3.region "
     "is set; set one of them"},
    {"metrics:\n  sensor_dimension: all\nschema:\n  sensor_id_field: \"\"\n",
     "silt.yaml:2: metrics.sensor_dimension is all, but schema.sensor_id_field is empty; name the "
     "field, or set metrics.sensor_dimension: off"},
    {"archive:\n  time: field\nschema:\n  time_field: \"\"\n",
     "silt.yaml:2: archive.time is field, but schema.time_field is empty; name the field, or set "
     "archive.time: kafka"},
    {"kafka:\n  sasl_aws_msk_iam: true\n",
     "silt.yaml:2: kafka.sasl_aws_msk_iam is true, but neither kafka.aws_region nor s3.region is "
     "set"},
    {"schema:\n  registry: https://a,b\n",
     "silt.yaml:2: schema.registry is \"b\", but must begin with http:// or https://"},
    {"kafka:\n  topics: [a, b]\ndlq:\n  topic: b\n",
     "silt.yaml:4: dlq.topic is \"b\", which is among kafka.topics; give it a name of its own"},
    {"s3:\n  kms_key_id: k\n", "silt.yaml:2: s3.kms_key_id is set, but s3.sse is not aws:kms; set "
                               "it so, or remove s3.kms_key_id"},
    {"s3:\n  access_key_id: k\n",
     "silt.yaml:2: s3.access_key_id is set, but s3.secret_access_key is not; set both or neither"},
    {"s3:\n  secret_access_key: k\n",
     "silt.yaml:2: s3.secret_access_key is set, but s3.access_key_id is not; set both or neither"},
    {"s3:\n  session_token: k\n", "silt.yaml:2: s3.session_token is set, but s3.access_key_id is "
                                  "not; set the key it belongs to, or remove it"},
    {"s3:\n  profile: p\n  access_key_id: a\n  secret_access_key: b\n",
     "silt.yaml:2: s3.profile and s3.access_key_id are both set; keep one of them"},
    {"s3:\n  external_id: x\n", "silt.yaml:2: s3.external_id is set, but s3.role_arn is not; name "
                                "the role, or remove s3.external_id"},
    {"s3:\n  sts_endpoint: sts.example\n",
     "silt.yaml:2: s3.sts_endpoint is \"sts.example\", but must begin with http:// or https://"},
    {"schema:\n  registry_password: k\n", "silt.yaml:2: schema.registry_password is set, but "
                                          "schema.registry_user is not; set both or neither"},
    {"archive:\n  codec: snappy\n  level: 3\n",
     "silt.yaml:3: archive.level is 3, but archive.codec snappy has no levels; remove "
     "archive.level"},
    {"archive:\n  codec: deflate\n  level: 10\n",
     "silt.yaml:3: archive.level is 10, but archive.codec deflate has 1 to 9"},
    {"archive:\n  max_bytes: 4KiB\n",
     "silt.yaml:2: archive.block_bytes (256KiB) is larger than archive.max_bytes (4KiB); lower the "
     "first or raise the second"},
    {"memory: 32MiB\ns3:\n  part_size: 20MiB\n",
     "silt.yaml:3: s3.part_size (20MiB) is larger than half of memory (16MiB); lower the first or "
     "raise the second"},
    {"archive:\n  max_age: 5h\n",
     "silt.yaml:2: archive.max_age (5h) is larger than archive.max_upload_age (4h); lower the "
     "first or raise the second"},
    {"worker:\n  revoke: 6m\n", "silt.yaml:2: worker.revoke (6m) is larger than kafka.properties "
                                "max.poll.interval.ms (5m); lower the first or raise the second"},
    {"kafka:\n  properties:\n    max.poll.interval.ms: 10000\n",
     "silt.yaml:3: worker.revoke (20s) is larger than kafka.properties max.poll.interval.ms (10s); "
     "lower the first or raise the second"},
    {"schema:\n  framing: none\n  files: [a, b]\n",
     "silt.yaml:2: schema.framing is none, but schema.files has 2 entries; such values can have "
     "one schema only"},
    {"kafka:\n  properties:\n    group.id: x\n",
     "silt.yaml:3: kafka.properties sets group.id; remove it and set kafka.group"},
};

static const struct bad_file unencrypted[] = {
    {"kafka:\n  brokers: kafka:9092\n",
     "silt.yaml:2: kafka.brokers: kafka:9092 is not on this machine and would not be encrypted; "
     "set security.protocol: SSL (or SASL_SSL) in kafka.properties, or kafka.allow_plaintext: "
     "true"},
    {"kafka:\n  brokers: 127.0.0.1:1,127.0.0.1.example:2\n",
     "silt.yaml:2: kafka.brokers: 127.0.0.1.example:2 is not on this machine and would not be "
     "encrypted; set security.protocol: SSL (or SASL_SSL) in kafka.properties, or "
     "kafka.allow_plaintext: true"},
    {"kafka:\n  brokers: k\n  properties:\n    security.protocol: SASL_PLAINTEXT\n",
     "silt.yaml:2: kafka.brokers: k is not on this machine and would not be encrypted; set "
     "security.protocol: SSL (or SASL_SSL) in kafka.properties, or kafka.allow_plaintext: true"},
    {"s3:\n  endpoint: http://localhost.example:9000\n",
     "silt.yaml:2: s3.endpoint is \"http://localhost.example:9000\", which is not on this machine "
     "and would not be encrypted; use https://, or set s3.allow_plaintext: true"},
    {"schema:\n  registry: http://r:8081/x\n",
     "silt.yaml:2: schema.registry is \"http://r:8081/x\", which is not on this machine and would "
     "not be encrypted; use https://, or set schema.allow_plaintext: true"},
    {"metrics:\n  cloudwatch_endpoint: http://10.0.0.1\n",
     "silt.yaml:2: metrics.cloudwatch_endpoint is \"http://10.0.0.1\", which is not on this "
     "machine and would not be encrypted; use https://, or set metrics.allow_plaintext: true"},
};

static const struct bad_file credentials_served[] = {
    {"s3:\n  endpoint: https://169.254.169.254\n",
     "silt.yaml:2: s3.endpoint is \"https://169.254.169.254\", but that address hands out "
     "credentials and nothing else; name the server itself"},
    {"schema:\n  registry: http://[fd00:ec2::254]:80/latest\n",
     "silt.yaml:2: schema.registry is \"http://[fd00:ec2::254]:80/latest\", but that address "
     "hands out credentials and nothing else; name the server itself"},
};

static void values_that_are_wrong_together_are_refused(void)
{
    check_bad_files(contradictions, sizeof contradictions / sizeof contradictions[0]);
}

static void plaintext_off_this_machine_needs_a_word(void)
{
    check_bad_files(unencrypted, sizeof unencrypted / sizeof unencrypted[0]);
}

static void addresses_that_hand_out_credentials_are_refused(void)
{
    check_bad_files(credentials_served, sizeof credentials_served / sizeof credentials_served[0]);
}

static void values_at_the_border_are_taken(void)
{
    static const char *const good[] = {
        "kafka:\n  brokers: localhost:9092,127.0.0.1:9093,[::1]:9094,PLAINTEXT://127.0.0.2:1\n",
        "kafka:\n  brokers: kafka:9092\n  allow_plaintext: true\n",
        "kafka:\n  brokers: kafka:9092\n  properties: {security.protocol: sasl_ssl}\n",
        "s3:\n  endpoint: http://localhost:9000\n",
        "s3:\n  endpoint: http://store:9000\n  allow_plaintext: true\n",
        "schema:\n  registry: https://r\n",
        "schema:\n  registry: http://r\n  allow_plaintext: true\n",
        "metrics:\n  cloudwatch_endpoint: http://c\n  allow_plaintext: true\n",
        "archive:\n  root: file:///\n",
        "archive:\n  root: s3://b\ns3:\n  region: eu-west-1\n",
        "archive:\n  root: s3://b/p\ns3:\n  endpoint: https://store:9000/x@y\n",
        "metrics:\n  listen: \"\"\n",
        "metrics:\n  listen: \":65535\"\n",
        "metrics:\n  cloudwatch: true\ns3:\n  region: eu-west-1\n",
        "s3:\n  sse: aws:kms\n  kms_key_id: k\n",
        "s3:\n  access_key_id: a\n  secret_access_key: b\n  session_token: c\n",
        "schema:\n  registry_user: u\n  registry_password: p\n",
        "archive:\n  codec: deflate\n  level: 9\n",
        "archive:\n  codec: zstd\n  level: 22\n",
        "archive:\n  codec: snappy\n  level: 0\n",
        "archive:\n  max_bytes: 256KiB\n",
        "memory: 32MiB\ns3:\n  part_size: 16MiB\n",
        "worker:\n  revoke: 5m\n",
        "kafka:\n  properties:\n    max.poll.interval.ms: 20000\n",
        "schema:\n  framing: none\n  files: [a]\n",
    };
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        struct silt_config *config = load_text(good[i]);
        CU_ASSERT_PTR_NOT_NULL(config);
        silt_config_free(config);
    }
}

static void check_missing(const char *text, const char *message)
{
    struct silt_config *config = load_text(text);
    struct silt_err err = {.text = "(accepted)"};
    if (!config) return;
    if (silt_ok(silt_config_check_run(config, &err))) CU_ASSERT_PTR_NULL(message);
    CU_ASSERT_STRING_EQUAL(err.text, message ? message : "(accepted)");
    silt_config_free(config);
}

static void what_the_worker_needs_is_asked_for_one_by_one(void)
{
    check_missing("", "kafka.brokers is not set; put it into the file, SILT_KAFKA_BROKERS or "
                      "--kafka.brokers=localhost:9092");
    check_missing("kafka: {brokers: localhost}\n", "kafka.topics is not set; put it into the file, "
                                                   "SILT_KAFKA_TOPICS or --kafka.topics=sensors");
    check_missing("kafka: {brokers: localhost, topics: a, group: ''}\n",
                  "kafka.group is not set; put it into the file, SILT_KAFKA_GROUP or "
                  "--kafka.group=silt");
    check_missing("kafka: {brokers: localhost, topics: a}\n",
                  "archive.root is not set; put it into the file, SILT_ARCHIVE_ROOT or "
                  "--archive.root=s3://bucket/prefix");
    check_missing("kafka: {brokers: localhost, topics: a}\narchive: {root: 'file:///a'}\n",
                  "schema.registry is not set; put it into the file, SILT_SCHEMA_REGISTRY or "
                  "--schema.registry=http://localhost:8081");
    check_missing("kafka: {brokers: localhost, topics: a}\narchive: {root: 'file:///a'}\n"
                  "schema: {framing: none}\n",
                  "schema.files is not set; put it into the file, SILT_SCHEMA_FILES or "
                  "--schema.files=reading.avsc");
    check_missing("kafka: {brokers: localhost, topics: a}\narchive: {root: 'file:///a'}\n"
                  "schema: {framing: single_object, files: [a, b]}\n",
                  NULL);
    check_missing("kafka: {brokers: localhost, topics: a}\narchive: {root: 'file:///a'}\n"
                  "schema: {registry: 'https://r'}\n",
                  NULL);
}

SILT_TESTS("config_check",
           {"values that are wrong together are refused",
            values_that_are_wrong_together_are_refused},
           {"plaintext off this machine needs a word", plaintext_off_this_machine_needs_a_word},
           {"addresses that hand out credentials are refused",
            addresses_that_hand_out_credentials_are_refused},
           {"values at the border are taken", values_at_the_border_are_taken},
           {"what the worker needs is asked for one by one",
            what_the_worker_needs_is_asked_for_one_by_one})
