#include "bad_input.h"
#include "config/config.h"
#include "harness.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What people get wrong, and the words they are told. */
static const struct bad_file bad_files[] = {
    {"kafka:\n  broker: a:1\n",
     "silt.yaml:2: unknown option kafka.broker; did you mean kafka.brokers?"},
    {"kafak:\n  brokers: a:1\n", "silt.yaml:1: unknown section kafak; did you mean kafka?"},
    {"archive:\n  codek: zstd\n",
     "silt.yaml:2: unknown option archive.codek; did you mean archive.codec?"},
    {"archive:\n  region: eu-west-1\n",
     "silt.yaml:2: unknown option archive.region; did you mean s3.region?"},
    {"brokers: a:1\n",
     "silt.yaml:1: brokers stands outside its section; did you mean kafka.brokers?"},
    {"kafka.brokers: a:1\n", "silt.yaml:1: write kafka: and below it, indented, brokers: …"},
    {"colour: blue\n", "silt.yaml:1: unknown section colour; silt help options lists them all"},
    {"archive:\n  colour: blue\n",
     "silt.yaml:2: unknown option archive.colour; silt help options lists them all"},
    {"archive:\n  codec: gzip\n",
     "silt.yaml:2: archive.codec is \"gzip\", but must be one of zstd, deflate, snappy, null"},
    {"archive:\n  level: fast\n",
     "silt.yaml:2: archive.level is \"fast\", but must be a whole number from 0 to 22"},
    {"archive:\n  level: -1\n",
     "silt.yaml:2: archive.level is \"-1\", but must be a whole number from 0 to 22"},
    {"archive:\n  level: 23\n",
     "silt.yaml:2: archive.level is \"23\", but must be a whole number from 0 to 22"},
    {"archive:\n  max_files: 17\n",
     "silt.yaml:2: archive.max_files is \"17\", but must be a whole number from 1 to 16"},
    {"archive:\n  max_bytes: lots\n", "silt.yaml:2: archive.max_bytes is \"lots\", but must be a "
                                      "size from 1KiB to 1TiB, like 128MiB"},
    {"archive:\n  max_bytes: 128 mib\n", "silt.yaml:2: archive.max_bytes is \"128 mib\", but must "
                                         "be a size from 1KiB to 1TiB, like 128MiB"},
    {"archive:\n  max_bytes: 99999999999999TiB\n",
     "silt.yaml:2: archive.max_bytes is \"99999999999999TiB\", but must be a size from 1KiB to "
     "1TiB, like 128MiB"},
    {"archive:\n  max_age: 10\n",
     "silt.yaml:2: archive.max_age is \"10\", but must be a duration from 100ms to 1d, like 10m"},
    {"archive:\n  max_age: 10 minutes\n", "silt.yaml:2: archive.max_age is \"10 minutes\", but "
                                          "must be a duration from 100ms to 1d, like 10m"},
    {"archive:\n  max_age: 2d\n",
     "silt.yaml:2: archive.max_age is \"2d\", but must be a duration from 100ms to 1d, like 10m"},
    {"schema:\n  max_reject_ratio: 5%\n",
     "silt.yaml:2: schema.max_reject_ratio is \"5%\", but must be a number from 0 to 1"},
    {"schema:\n  max_reject_ratio: 1.5\n",
     "silt.yaml:2: schema.max_reject_ratio is \"1.5\", but must be a number from 0 to 1"},
    {"s3:\n  path_style: yes\n",
     "silt.yaml:2: s3.path_style is \"yes\", but must be true or false"},
    {"s3:\n  part_size: 1MiB\n",
     "silt.yaml:2: s3.part_size is \"1MiB\", but must be a size from 5MiB to 1GiB, like 8MiB"},
    {"s3:\n  sse: AES\n",
     "silt.yaml:2: s3.sse is \"AES\", but must be one of \"\", AES256, aws:kms"},
    {"memory: 1MiB\n",
     "silt.yaml:1: memory is \"1MiB\", but must be a size from 32MiB to 1TiB, like 256MiB"},
    {"memory:\n  limit: 1GiB\n", "silt.yaml:2: memory is a map, but must be one value"},
    {"log:\n  level: INFO\n",
     "silt.yaml:2: log.level is \"INFO\", but must be one of debug, info, warn, error, fatal"},
    {"kafka:\n  brokers: [a:1, b:1]\n",
     "silt.yaml:2: kafka.brokers is a list, but must be one value"},
    {"kafka:\n  brokers:\n    host: a\n",
     "silt.yaml:3: kafka.brokers is a map, but must be one value"},
    {"kafka:\n  topics:\n    name: sensors\n",
     "silt.yaml:3: kafka.topics is a map, but must be a list or text"},
    {"kafka:\n  topics: [[a]]\n",
     "silt.yaml:2: a list entry must be plain text, not a list or map"},
    {"kafka:\n  topics: [a, '']\n", "silt.yaml:2: kafka.topics has an empty entry; remove it"},
    {"kafka:\n  properties: security.protocol=ssl\n",
     "silt.yaml:2: kafka.properties is a map; write name: value on the lines below it"},
    {"kafka:\n  properties: [security.protocol]\n",
     "silt.yaml:2: kafka.properties is a list, but must be a map of names and values"},
    {"kafka:\n  properties:\n    a: [b]\n",
     "silt.yaml:3: a property's value must be plain text, not a list or map"},
    {"kafka:\n  properties:\n    a: 1\n    a: 2\n", "silt.yaml:4: a is set twice; remove one"},
    {"kafka:\n  properties:\n    a:\n",
     "silt.yaml:3: a has no value; remove the line or write \"\""},
    {"kafka:\n  group:\n", "silt.yaml:2: kafka.group has no value; remove the line or write \"\""},
    {"kafka: here\n",
     "silt.yaml:1: kafka is a section; write its options on the lines below it, indented"},
    {"kafka:\n  group: a\n  group: b\n",
     "silt.yaml:3: kafka.group is set twice, first in line 2; remove one"},
    {"kafka:\n  group: a\nlog:\n  level: info\nkafka:\n  start: latest\n",
     "silt.yaml:5: section kafka stands twice, first in line 1; join them"},
    {"memory: 64MiB\nmemory: 65MiB\n",
     "silt.yaml:2: memory is set twice, first in line 1; remove one"},
    {"kafka: &all\n  group: a\n",
     "silt.yaml:1: an anchor (&name) is not for this file; write the value out"},
    {"kafka:\n  group: *other\n",
     "silt.yaml:2: an alias (*name) is not for this file; write the value out"},
    {"kafka:\n  group: !str a\n",
     "silt.yaml:2: a tag (!name) is not for this file; write the value out"},
    {"kafka:\n  topics: !set [a]\n",
     "silt.yaml:2: a tag (!name) is not for this file; write the value out"},
    {"s3: &x {}\nkafka:\n  <<: *x\n",
     "silt.yaml:1: an anchor (&name) is not for this file; write the value out"},
    {"? [a]\n: b\n", "silt.yaml:1: the name of a section must be plain text, not a list or map"},
    {"kafka:\n  ? [a]\n  : b\n",
     "silt.yaml:2: the name of an option must be plain text, not a list or map"},
    {"- kafka\n",
     "silt.yaml:1: the file must hold sections, such as kafka: with options indented below it"},
    {"just text\n",
     "silt.yaml:1: the file must hold sections, such as kafka: with options indented below it"},
    {"kafka:\n  group: a\n---\nkafka:\n  group: b\n",
     "silt.yaml:3: a second document begins (---); keep one"},
    {"kafka:\n\tgroup: a\n", "silt.yaml:2: not readable: a tab; indent with spaces"},
    {"kafka:\n  group: a\n   start: latest\n",
     "silt.yaml:3: not readable: a second \": \" on this line, or wrong indentation; put quotes "
     "around text with a colon"},
    {"kafka:\n  group: a: b\n", "silt.yaml:2: not readable: a second \": \" on this line, or wrong "
                                "indentation; put quotes around text with a colon"},
    {"kafka:\n  group: a\n start: latest\n",
     "silt.yaml:3: not readable: wrong indentation, or text behind a closing quote"},
    {"kafka:\n  group: \"a\n", "silt.yaml:3: not readable: a quote or bracket is not closed"},
    {"kafka:\n  topics: [a\n", "silt.yaml:3: not readable: a [ is not closed"},
    {"kafka:\n  group: @x\n",
     "silt.yaml:2: not readable: a value cannot begin with this character; put quotes around it"},
    {"kafka:\n  group: %x\n",
     "silt.yaml:2: not readable: a value cannot begin with this character; put quotes around it"},
    {"kafka:\n  group\n",
     "silt.yaml:2: kafka is a section; write its options on the lines below it, indented"},
    {"kafka:\n  topics: - a\n", "silt.yaml:2: not readable: a list begins where none can stand; "
                                "put it on the lines below its name"},
    {"kafka:\n  topics:\n  - a\n b\n",
     "silt.yaml:4: not readable: wrong indentation, or text behind a closing quote"},
    {"kafka: {group: a\n", "silt.yaml:2: not readable: a { is not closed"},
    {"kafka:\n  group: 'a' b\n",
     "silt.yaml:2: not readable: wrong indentation, or text behind a closing quote"},
    {"kafka:\n  group: \"a\\nb\"\n",
     "silt.yaml:2: kafka.group holds a control character, such as the end of a line"},
    {"kafka:\n  group: \"a\\0b\"\n", "silt.yaml:2: kafka.group holds a NUL byte"},
    {"kafka:\n  group: \377\n", "silt.yaml: the file is not UTF-8 (at byte 16)"},
    {"kafka:\n  group: a\001\n", "silt.yaml: a control character (at byte 17)"},
    {"metrics:\n  postgres: a\n  postgres_file: b\n",
     "silt.yaml:3: metrics.postgres and metrics.postgres_file are both set; keep one"},
    {"metrics:\n  postgres_file: /nowhere/dsn\n",
     "silt.yaml:2: metrics.postgres_file: cannot open secret file /nowhere/dsn: No such file or "
     "directory"},
    {"metrics:\n  postgres_file: \"\"\n", "silt.yaml:2: metrics.postgres_file is empty"},
    {"metrics:\n  postgres_file: [a]\n",
     "silt.yaml:2: metrics.postgres_file is a list, but must be one value"},
    {"kafka:\n  properties_file: /nowhere/p\n",
     "silt.yaml:2: cannot open properties file /nowhere/p: No such file or directory"},
};

static void every_mistake_is_named_with_its_place_and_the_way_out(void)
{
    check_bad_files(bad_files, sizeof bad_files / sizeof bad_files[0]);
}

static void what_yaml_allows_and_the_table_knows_is_taken(void)
{
    struct silt_config *config =
        load_text("# a comment\n"
                  "kafka:\n"
                  "  brokers: \"a:9092,b:9092\"\n"
                  "  topics: [sensors, '^plant\\..*']\n"
                  "  properties:\n"
                  "    security.protocol: ssl\n"
                  "    ssl.ca.pem: |\n"
                  "      line 1\n"
                  "      line 2\n"
                  "archive: {codec: null, max_bytes: 64Mi, max_age: 1h30m}\n"
                  "s3:\n"
                  "memory: \"512 MiB\"\n"
                  "schema:\n"
                  "  max_reject_ratio: .25\n"
                  "  sensor_id_field: ''\n");
    if (!config) return;
    CU_ASSERT_STRING_EQUAL(config->kafka.brokers, "a:9092,b:9092");
    CU_ASSERT_EQUAL(config->kafka.topics.n, 2);
    CU_ASSERT_STRING_EQUAL(config->kafka.topics.items[1], "^plant\\..*");
    CU_ASSERT_EQUAL(config->kafka.properties.n, 2);
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.names[0], "security.protocol");
    CU_ASSERT_STRING_EQUAL(config->kafka.properties.values[1], "line 1\nline 2\n");
    CU_ASSERT_STRING_EQUAL(config->archive.codec, "null");
    CU_ASSERT_EQUAL(config->archive.max_bytes, 64 << 20);
    CU_ASSERT_EQUAL(config->archive.max_age_ms, 5400000);
    CU_ASSERT_EQUAL(config->memory, 512 << 20);
    CU_ASSERT_DOUBLE_EQUAL(config->schema.max_reject_ratio, 0.25, 0);
    CU_ASSERT_STRING_EQUAL(config->schema.sensor_id_field, "");
    silt_config_free(config);
}

static void a_list_may_be_text_with_commas(void)
{
    struct silt_config *config = load_text("kafka:\n  topics: a, ^b{1\\,2},c\n");
    if (!config) return;
    CU_ASSERT_EQUAL(config->kafka.topics.n, 3);
    CU_ASSERT_STRING_EQUAL(config->kafka.topics.items[0], "a");
    CU_ASSERT_STRING_EQUAL(config->kafka.topics.items[1], "^b{1,2}");
    silt_config_free(config);
}

static void an_empty_file_means_the_defaults(void)
{
    static const char *const empty[] = {"", "\n", "---\n", "# nothing\n", "---\n...\n", "{}\n"};
    for (size_t i = 0; i < sizeof empty / sizeof empty[0]; i++) {
        struct silt_config *config = load_text(empty[i]);
        CU_ASSERT_PTR_NOT_NULL(config);
        silt_config_free(config);
    }
}

static void a_file_that_is_not_there_is_named(void)
{
    check_message(&(struct silt_config_input){.file = "/nowhere/silt.yaml"},
                  "cannot open configuration file /nowhere/silt.yaml: No such file or directory");
    check_message(&(struct silt_config_input){.file = "/"},
                  "cannot read configuration file /: Is a directory");
}

static void a_file_beyond_the_bound_is_refused(void)
{
    char *text = malloc((1 << 20) + 2);
    if (!text) return;
    memset(text, '#', (1 << 20) + 1);
    text[(1 << 20) + 1] = '\0';
    write_file("silt.yaml", text);
    check_message(&(struct silt_config_input){.file = "silt.yaml"},
                  "configuration file silt.yaml is larger than 1048576 bytes");
    text[1 << 20] = '\0';
    struct silt_config *config = load_text(text);
    CU_ASSERT_PTR_NOT_NULL(config);
    silt_config_free(config);
    free(text);
}

static void deep_nesting_is_refused_at_its_first_level(void)
{
    char text[4000] = "kafka:\n  topics: ";
    memset(text + strlen(text), '[', 3000);
    write_file("silt.yaml", text);
    check_message(&(struct silt_config_input){.file = "silt.yaml"},
                  "silt.yaml:2: a list entry must be plain text, not a list or map");
}

SILT_TESTS("yaml",
           {"every mistake is named with its place and the way out",
            every_mistake_is_named_with_its_place_and_the_way_out},
           {"what YAML allows and the table knows is taken",
            what_yaml_allows_and_the_table_knows_is_taken},
           {"a list may be text with commas", a_list_may_be_text_with_commas},
           {"an empty file means the defaults", an_empty_file_means_the_defaults},
           {"a file that is not there is named", a_file_that_is_not_there_is_named},
           {"a file beyond the bound is refused", a_file_beyond_the_bound_is_refused},
           {"deep nesting is refused at its first level",
            deep_nesting_is_refused_at_its_first_level})
