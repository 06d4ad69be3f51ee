/* The schema registry's client: look-ups by id, each at most once at a time.
 *
 * ask() never waits. Look-ups run on the io loop, delayed by registry_pace.h where needed, and come
 * back through `reply_to` to the owner thread, which hands them to take(). All but the answer's way
 * into the queue happens on the owner thread. At most SILT_LOOKUPS_MAX are open; more ids wait
 * until one of those came back.
 *
 * Of several addresses one is asked until it fails, then the next; a pause follows only when all of
 * them have failed.
 */
#ifndef SILT_DECODE_REGISTRY_CLIENT_INT_H
#define SILT_DECODE_REGISTRY_CLIENT_INT_H

#include "decode/decoder.h"
#include "net/http.h"
#include "registry_json_int.h"

#define SILT_LOOKUPS_MAX 256
#define SILT_REGISTRY_URLS_MAX 8

/* The io loop and the clock as function pointers, so that tests can play both. */
struct silt_registry_port {
    void (*submit)(struct silt_http *http, struct silt_http_req *req);
    void (*call)(struct silt_http *http, struct silt_http_req *req);
    void (*timer)(struct silt_http *http, int64_t delay_ms, void (*fn)(void *ctx, bool stopped),
                  void *ctx);
    void (*cancel)(struct silt_http *http, const void *owner);
    int64_t (*now_ms)(void);
};

struct silt_registry;

SILT_RC silt_registry_new(const struct silt_decoder_opts *opts,
                          const struct silt_registry_port *port,
                          struct silt_registry **ret_registry, struct silt_err *err);
/* Cancels what is open and waits for it. NULL is fine. */
void silt_registry_free(struct silt_registry *registry);

void silt_registry_ask(struct silt_registry *registry, int32_t id);
/* Ends a look-up. @return 0, or after an outage the time before which asking again is useless. */
int64_t silt_registry_take(struct silt_registry *registry, struct silt_decoder_reply *reply,
                           int32_t *ret_id, struct silt_registry_answer *ret_answer);
/* One look-up, waited for. Fails unless FOUND. */
SILT_RC silt_registry_call(struct silt_registry *registry, int32_t id,
                           struct silt_registry_answer *ret_answer, struct silt_err *err);
/* GET /subjects/{subject}/versions/latest, waited for. */
SILT_RC silt_registry_latest(struct silt_registry *registry, const char *subject, int32_t *ret_id,
                             struct silt_err *err);
/* Requests, failures and the last failure. */
void silt_registry_stats(const struct silt_registry *registry, struct silt_decoder_stats *ret);

/* A decoder whose registry client speaks to `port`. */
SILT_RC silt_decoder_new_port(const struct silt_decoder_opts *opts,
                              const struct silt_registry_port *port,
                              struct silt_decoder **ret_decoder, struct silt_err *err);

#endif
