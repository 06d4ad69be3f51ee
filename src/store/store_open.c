#include "store/store_open.h"

#include "store/dir.h"
#include "store/s3.h"

#include <string.h>

SILT_RC silt_store_open(const struct silt_store_opts *opts, struct silt_store **ret_store,
                        struct silt_err *err)
{
    if (strncmp(opts->root, "s3://", 5) == 0) return silt_s3_open(opts, ret_store, err);
    if (strncmp(opts->root, "file://", 7) == 0) return silt_dir_open(opts, ret_store, err);
    SILT_FAIL(err, CONFIG, "archive.root %s: it must be s3://BUCKET/PREFIX or file:///DIRECTORY",
              opts->root);
}
