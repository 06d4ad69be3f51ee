/* What a schema registry answered to GET /schemas/ids/{id} or /subjects/{s}/versions/{v}. Pure.
 *
 * The border that matters: UNKNOWN and UNUSABLE are the registry's own word about one id and make
 * records bad; everything else (proxies, wrong paths, log-in pages, half answers) is an outage and
 * makes records wait. (Confluent Schema Registry API reference: 200 {"schema", "schemaType",
 * "references"}; 404 {"error_code": 404xx}; "schemaType" is left out for Avro.)
 */
#ifndef SILT_DECODE_REGISTRY_JSON_INT_H
#define SILT_DECODE_REGISTRY_JSON_INT_H

#include "base/buf.h"
#include "base/err.h"

enum silt_registry_kind {
    SILT_REGISTRY_FOUND,
    SILT_REGISTRY_MORE, /* found, but it refers to others: they are being fetched */
    SILT_REGISTRY_UNKNOWN,
    SILT_REGISTRY_UNUSABLE,
    SILT_REGISTRY_OUTAGE,
};

struct silt_reference {
    char *subject;
    int32_t version;
};

struct silt_registry_answer {
    enum silt_registry_kind kind;
    enum silt_code code;    /* all but FOUND and MORE */
    struct silt_buf schema; /* FOUND: its JSON text; owned */
    int32_t id;             /* FOUND: as the answer names it, which one about an id does not; -1 */
    struct silt_reference *references; /* FOUND: to what it uses; owned */
    unsigned references_n;
    char text[120]; /* all but FOUND and MORE: what was wrong, printable */
};

void silt_registry_read(int status, struct silt_slice body,
                        struct silt_registry_answer *ret_answer);
/* What was found cannot be used after all. */
void silt_registry_refuse(struct silt_registry_answer *answer, const char *why);
void silt_registry_answer_done(struct silt_registry_answer *answer);

#endif
