/* The admin HTTP listener: GET and HEAD only, at most 64 connections, 8 KiB for a request, 5 s of
 * silence, nothing that changes anything. Its thread asks `look` for a view per request.
 */
#ifndef SILT_OBSERVE_ADMIN_INT_H
#define SILT_OBSERVE_ADMIN_INT_H

#include "observe/view_int.h"

/* A view and what it points to. */
struct silt_look {
    struct silt_view view;
    struct silt_metrics_snapshot *metrics;
    struct silt_lag *lags;
    struct silt_reject_view *rejects;
    struct silt_output_view outputs[2];
};
typedef void silt_look_fn(void *ctx, struct silt_look *ret); /* admin thread */
void silt_look_done(struct silt_look *look);

struct silt_admin;
/* listen: "127.0.0.1:9464", "[::1]:0"; a name is not looked up. */
SILT_RC silt_admin_start(const char *listen, silt_look_fn *look, void *ctx,
                         struct silt_admin **ret_admin, struct silt_err *err);
void silt_admin_stop(struct silt_admin *admin); /* NULL is fine */
int silt_admin_port(const struct silt_admin *admin);

extern const char silt_admin_page[];

#endif
