/* Opens the store that an archive root names. Called once before the threads start. */
#ifndef SILT_STORE_STORE_OPEN_H
#define SILT_STORE_STORE_OPEN_H

#include "store/store.h"

struct silt_credentials;
struct silt_http;

struct silt_s3_opts {
    const char *endpoint; /* "" = AWS of that region; "http://127.0.0.1:19002" */
    const char *region;
    bool path_style;
    int concurrency;      /* requests in flight at once */
    const char *ca_file;  /* "" = system */
    const char *checksum; /* "crc32c" */
    const char *sse;      /* "", "AES256", "aws:kms" */
    const char *kms_key_id;
    const char *storage_class;    /* "" = STANDARD */
    const char *const *tag_names; /* of the data objects */
    const char *const *tag_values;
    unsigned tags_n;
    bool requester_pays;
    /* endpoints of AWS; none of them with an `endpoint` */
    bool dualstack;
    bool fips;
    bool accelerate;
    const char *proxy;                    /* "" = none; those of the environment are not asked */
    struct silt_credentials *credentials; /* outlives the store */
};

struct silt_store_opts {
    const char *root;       /* s3://bucket/prefix or file:///dir */
    struct silt_s3_opts s3; /* used for s3:// */
    struct silt_http *http; /* the io loop; NULL for file:// */
};

/* For s3:// it waits until there are credentials. */
SILT_RC silt_store_open(const struct silt_store_opts *opts, struct silt_store **ret_store,
                        struct silt_err *err);

#endif
