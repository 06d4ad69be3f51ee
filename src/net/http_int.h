/* Private to net: one request on its curl handle. io thread only.
 *
 * The transfer refers to its request; both ends are joined from the hand-over to `done`. libcurl
 * behaviour: https://curl.se/libcurl/c/, version 7.88.1.
 */
#ifndef SILT_NET_HTTP_INT_H
#define SILT_NET_HTTP_INT_H

#include "net/http.h"

#include <curl/curl.h>

#define SILT_HTTP_HEADERS_KEPT 12
#define SILT_HTTP_HEADER_MAX 2048 /* bytes of one kept answer header; a longer one is cut */

struct silt_http_transfer {
    struct silt_http_transfer *next;
    struct silt_http_transfer *prev;
    struct silt_http_req *req;
    CURL *easy; /* lent by the loop */
    struct curl_slist *headers;
    size_t sent_slice; /* where the body is read from next */
    size_t sent_bytes; /* within that slice */
    int64_t start_ns;
    bool oversized;
    bool refused; /* an address where credentials are handed out */
    char error[CURL_ERROR_SIZE];
};

/* Sets every option of the handle for the request. */
void silt_http_transfer_prepare(struct silt_http_transfer *transfer, CURL *easy,
                                struct silt_http_req *req);
/* Writes the answer into the request. */
void silt_http_transfer_answer(struct silt_http_transfer *transfer, CURLcode result);
void silt_http_transfer_done(struct silt_http_transfer *transfer);

/* What libcurl's result means; sent_bytes = bytes of the request that left for the other side. */
enum silt_http_outcome silt_http_outcome_of(CURLcode result, long sent_bytes);

#endif
