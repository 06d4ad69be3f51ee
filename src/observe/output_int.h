/* How an output does: written by its thread, read by /api/v1/status. Any thread. */
#ifndef SILT_OBSERVE_OUTPUT_INT_H
#define SILT_OBSERVE_OUTPUT_INT_H

#include "observe/view_int.h"

#include <pthread.h>

struct silt_output {
    struct {
        pthread_mutex_t lock;
        struct silt_output_view view;
    } synced;
};

void silt_output_init(struct silt_output *output, const char *name, bool on);
void silt_output_done(struct silt_output *output);
/* Logs when the state changes; why: NULL unless it is down. */
void silt_output_state(struct silt_output *output, enum silt_output_state state, const char *why);
void silt_output_dropped(struct silt_output *output, uint64_t rows);
/* spooled: filled by who owns the spool. */
void silt_output_view(struct silt_output *output, struct silt_output_view *ret);

#endif
