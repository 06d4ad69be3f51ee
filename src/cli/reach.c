#include "cli/reach.h"

#include "app/options.h"
#include "base/log.h"
#include "net/http.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

SILT_RC silt_reach_open(const struct silt_config *config, struct silt_reach *ret_reach,
                        struct silt_err *err)
{
    struct silt_reach reach = {0};
    struct silt_store_opts opts;
    silt_log_init(SILT_FATAL, SILT_LOG_TEXT, STDERR_FILENO);
    SILT_TRY(silt_http_start(&(struct silt_http_opts){0}, &reach.http, err));
    if (silt_options_need_credentials(config)) {
        struct silt_credentials_opts credentials;
        silt_options_credentials(config, reach.http, &credentials);
        reach.credentials = silt_credentials_new(&credentials);
    }
    silt_options_store(config, reach.http, reach.credentials, &opts);
    struct silt_rc rc = silt_store_open(&opts, &reach.store, err);
    if (silt_ok(rc))
        *ret_reach = reach;
    else
        silt_reach_done(&reach);
    return rc;
}

void silt_reach_done(struct silt_reach *reach)
{
    silt_store_free(reach->store);
    silt_credentials_free(reach->credentials);
    if (reach->http) silt_http_stop(reach->http);
    *reach = (struct silt_reach){0};
}

SILT_RC silt_reach_filter(const struct silt_args *args, struct silt_archive_filter *ret_filter,
                          struct silt_err *err)
{
    struct silt_archive_filter filter = {.partition = -1};
    if (args->words_n > 0) filter.topic = args->words[0];
    if (args->words_n > 1) {
        const char *word = args->words[1];
        size_t digits = strspn(word, "0123456789");
        if (digits == 0 || digits > 9 || word[digits])
            SILT_FAIL(err, USAGE, "\"%.40s\" is no partition number", word);
        filter.partition = (int32_t)strtol(word, NULL, 10);
    }
    *ret_filter = filter;
    return SILT_OK;
}
