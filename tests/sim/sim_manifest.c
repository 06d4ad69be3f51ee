/* A manifest as docs/formats.md describes it, read without the product's code: canonical JSON,
 * every member in its place. Anything else fails the seed. */
#include "sim.h"

#include <stdlib.h>
#include <string.h>

#define RANGES_MAX 1024u

struct text {
    const char *key; /* of the object */
    const char *at;  /* ends with a NUL */
};

static bool follows(struct text *t, const char *literal)
{
    size_t len = strlen(literal);
    if (strncmp(t->at, literal, len) != 0) return false;
    t->at += len;
    return true;
}

static void expect(struct text *t, const char *literal)
{
    if (!follows(t, literal)) sim_fail("%s: \"%.40s\" instead of \"%s\"", t->key, t->at, literal);
}

static int64_t number(struct text *t, const char *before)
{
    char *end;
    expect(t, before);
    long long value = strtoll(t->at, &end, 10);
    if (end == t->at) sim_fail("%s: no number at \"%.40s\"", t->key, t->at);
    t->at = end;
    return value;
}

/* Up to the quotation mark; the only escapes are of quotation marks. */
static void string(struct text *t, const char *before, char *ret, size_t room)
{
    size_t len = 0;
    expect(t, before);
    for (expect(t, "\""); *t->at && *t->at != '"' && len + 1 < room; t->at++) {
        t->at += t->at[0] == '\\' && t->at[1] == '"';
        ret[len++] = *t->at;
    }
    ret[len] = '\0';
    expect(t, "\"");
}
#define STRING(t, before, ret) string(t, before, ret, sizeof(ret))

static uint32_t crc(struct text *t, const char *before)
{
    char digits[9];
    char *end;
    STRING(t, before, digits);
    uint32_t value = (uint32_t)strtoul(digits, &end, 16);
    if (strlen(digits) != 8 || *end) sim_fail("%s: %s is no CRC", t->key, digits);
    return value;
}

static struct silt_offsets *ranges(struct text *t, const char *before, unsigned *ret_n)
{
    struct silt_offsets found[RANGES_MAX];
    unsigned n = 0;
    expect(t, before);
    for (expect(t, "["); !follows(t, "]"); n++) {
        if (n) expect(t, ",");
        if (n == RANGES_MAX) sim_fail("%s: too many ranges", t->key);
        found[n].first = number(t, "[");
        found[n].last = number(t, ",");
        expect(t, "]");
    }
    *ret_n = n;
    return memcpy(sim_take(n * sizeof *found + 1), found, n * sizeof *found);
}

static void part(struct text *t, struct silt_store_part *ret)
{
    *ret = (struct silt_store_part){.crc32c = crc(t, "{\"crc32c\":")};
    STRING(t, ",\"etag\":", ret->etag);
    ret->n = (unsigned)number(t, ",\"n\":");
    ret->size = number(t, ",\"size\":");
    expect(t, "}");
}

static void parts(struct text *t, struct silt_manifest_file *file)
{
    struct silt_store_part found[SIM_FILE_PARTS_MAX];
    unsigned n = 0;
    for (expect(t, ",\"parts\":["); !follows(t, "]"); n++) {
        if (n) expect(t, ",");
        if (n == SIM_FILE_PARTS_MAX) sim_fail("%s: too many parts", t->key);
        part(t, &found[n]);
        if (found[n].n != n + 1) sim_fail("%s: part %u is numbered %u", t->key, n + 1, found[n].n);
    }
    file->parts_n = n;
    file->parts = memcpy(sim_take(n * sizeof *found + 1), found, n * sizeof *found);
}

static enum silt_role role(struct text *t)
{
    enum silt_role found;
    char name[16];
    STRING(t, ",\"role\":", name);
    if (!silt_role_parse(name, &found)) sim_fail("%s: %s is no role", t->key, name);
    return found;
}

static void file(struct text *t, struct silt_manifest_file *ret)
{
    char upload[SIM_UPLOAD_ID_LEN];
    STRING(t, "{\"codec\":", ret->codec);
    ret->crc32c = crc(t, ",\"crc32c\":");
    ret->first = number(t, ",\"first\":");
    STRING(t, ",\"key\":", ret->key);
    ret->last = number(t, ",\"last\":");
    parts(t, ret);
    ret->records = number(t, ",\"records\":");
    ret->role = role(t);
    ret->schema_id = -1;
    if (!follows(t, ",\"schemas\":[]")) {
        ret->schema_id = (int32_t)number(t, ",\"schemas\":[");
        expect(t, "]");
    }
    ret->size = number(t, ",\"size\":");
    STRING(t, ",\"token\":", ret->token);
    STRING(t, ",\"upload\":", upload);
    ret->upload_id = sim_text(upload);
    expect(t, "}");
}

static void files(struct text *t, struct silt_manifest *m)
{
    struct silt_manifest_file found[SIM_FILES_MAX];
    unsigned n = 0;
    for (expect(t, ",\"files\":["); !follows(t, "]"); n++) {
        if (n) expect(t, ",");
        if (n == SIM_FILES_MAX) sim_fail("%s: too many files", t->key);
        file(t, &found[n]);
    }
    m->files_n = n;
    m->files = memcpy(sim_take(n * sizeof *found + 1), found, n * sizeof *found);
}

static enum silt_slot_kind kind(struct text *t)
{
    static const char *const names[] = {
        [SILT_SLOT_DATA] = "\"data\"",
        [SILT_SLOT_GAP] = "\"gap\"",
        [SILT_SLOT_SKIP] = "\"skip\"",
        [SILT_SLOT_LINEAGE] = "\"lineage\"",
    };
    expect(t, ",\"kind\":");
    for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++)
        if (follows(t, names[i])) return (enum silt_slot_kind)i;
    sim_fail("%s: no kind of slot at \"%.40s\"", t->key, t->at);
}

static void cut(struct text *t, struct silt_manifest *m)
{
    m->cut.max_files = (unsigned)number(t, ",\"cut\":{\"max_files\":");
    STRING(t, ",\"time\":", m->cut.time);
    STRING(t, ",\"unit\":", m->cut.unit);
    expect(t, "}");
}

static void writer(struct text *t, struct silt_manifest *m)
{
    STRING(t, ",\"writer\":{\"boot\":", m->writer_boot);
    STRING(t, ",\"pod\":", m->writer_pod);
    STRING(t, ",\"version\":", m->writer_version);
    expect(t, "}");
}

static void begin(struct text *t, struct silt_manifest *m)
{
    STRING(t, "{\"archive\":", m->archive);
    STRING(t, ",\"cluster\":", m->tp.cluster);
    STRING(t, ",\"created\":", m->created);
    cut(t, m);
    STRING(t, ",\"digest\":", m->digest);
    files(t, m);
    m->holes = ranges(t, ",\"holes\":", &m->holes_n);
    m->kind = kind(t);
    m->leader_epoch[0] = (int32_t)number(t, ",\"leader_epoch\":[");
    m->leader_epoch[1] = (int32_t)number(t, ",");
    m->lineage = number(t, "],\"lineage\":");
    m->next = number(t, ",\"next\":");
    m->tp.partition = (int32_t)number(t, ",\"partition\":");
    STRING(t, ",\"prev\":", m->prev);
}

static void end(struct text *t, struct silt_manifest *m)
{
    m->records = number(t, ",\"records\":");
    m->rejected = number(t, ",\"rejected\":");
    m->seq = number(t, ",\"seq\":");
    m->start = number(t, ",\"start\":");
    m->tombstones = number(t, ",\"tombstones\":");
    STRING(t, ",\"topic\":", m->tp.topic);
    STRING(t, ",\"topic_id\":", m->tp.topic_id);
    m->ts[0] = number(t, ",\"ts\":[");
    m->ts[1] = number(t, ",");
    m->unreadable = ranges(t, "],\"unreadable\":", &m->unreadable_n);
    STRING(t, ",\"uuid\":", m->uuid);
    if (number(t, ",\"v\":") != SILT_MANIFEST_VERSION) sim_fail("%s: wrong version", t->key);
    writer(t, m);
    expect(t, "}");
}

void sim_manifest_read(const char *key, struct silt_slice body, struct silt_manifest *ret)
{
    char *copy = sim_take(body.len + 1);
    struct text t = {.key = key, .at = memcpy(copy, body.ptr, body.len)};
    *ret = (struct silt_manifest){0};
    begin(&t, ret);
    end(&t, ret);
    if (t.at != copy + body.len) sim_fail("%s: \"%.40s\" behind its end", key, t.at);
}
