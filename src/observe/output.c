#include "observe/output_int.h"

#include "base/clock.h"
#include "base/log.h"

#include <stdio.h>

void silt_output_init(struct silt_output *output, const char *name, bool on)
{
    *output = (struct silt_output){0};
    pthread_mutex_init(&output->synced.lock, NULL);
    output->synced.view.name = name;
    output->synced.view.state = on ? SILT_OUTPUT_CONNECTING : SILT_OUTPUT_OFF;
    output->synced.view.since_ms = silt_wall_ms();
}

void silt_output_done(struct silt_output *output)
{
    pthread_mutex_destroy(&output->synced.lock);
}

void silt_output_state(struct silt_output *output, enum silt_output_state state, const char *why)
{
    struct silt_output_view *view = &output->synced.view;
    pthread_mutex_lock(&output->synced.lock);
    bool changed = view->state != state;
    if (changed) view->since_ms = silt_wall_ms();
    view->state = state;
    snprintf(view->error, sizeof view->error, "%s", why ? why : "");
    pthread_mutex_unlock(&output->synced.lock);
    if (!changed) return;
    if (state == SILT_OUTPUT_OK)
        SILT_LOG(INFO, "output_up", "output answers", SILT_F_STR("output", view->name));
    if (state == SILT_OUTPUT_DOWN)
        SILT_LOG(WARN, "output_down",
                 "output does not answer; rows wait in memory and are sent later",
                 SILT_F_STR("output", view->name), SILT_F_STR("why", why));
}

void silt_output_dropped(struct silt_output *output, uint64_t rows)
{
    if (!rows) return;
    pthread_mutex_lock(&output->synced.lock);
    output->synced.view.dropped += rows;
    pthread_mutex_unlock(&output->synced.lock);
}

void silt_output_view(struct silt_output *output, struct silt_output_view *ret)
{
    pthread_mutex_lock(&output->synced.lock);
    *ret = output->synced.view;
    pthread_mutex_unlock(&output->synced.lock);
}
