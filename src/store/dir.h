/* The directory store: an archive root file:///dir on a local file system, for one machine, demos
 * and tests. Same port, same semantics as S3 where the protocol relies on them.
 *
 *   <root>/<key>                  objects; appear whole, by link(2), and never change
 *   <root>/.tmp/                  files being written; older than a day: swept at opening
 *   <root>/.uploads/<id>/meta     key and token of an uncompleted upload
 *   <root>/.uploads/<id>/part.N   its parts
 *   <root>/.tokens/<sha256>       token of an object, only where the file system has no user xattrs
 *
 * Everything is synced before it is answered. Several processes may use one root at a time: link(2)
 * is the put-if-absent. Keys cannot leave the root: a component that is empty or begins with a dot
 * is REFUSED. One thread of its own does all requests in order.
 */
#ifndef SILT_STORE_DIR_H
#define SILT_STORE_DIR_H

#include "store/store_open.h"

SILT_RC silt_dir_open(const struct silt_store_opts *opts, struct silt_store **ret_store,
                      struct silt_err *err);

#endif
