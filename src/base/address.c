#include "base/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#define HOST_MAX 255 /* RFC 1035 2.3.4 */

struct silt_slice silt_host_of(const char *text)
{
    const char *list_end = text + strcspn(text, ",");
    const char *scheme = strstr(text, "://");
    const char *host = scheme && scheme < list_end ? scheme + 3 : text;
    if (*host == '[') {
        host++;
        return silt_slice_of(host, strcspn(host, "],/?#"));
    }
    return silt_slice_of(host, strcspn(host, ":,/?#"));
}

static bool ends_with(struct silt_slice host, const char *end)
{
    size_t len = strlen(end);
    return host.len >= len && strncasecmp((const char *)host.ptr + host.len - len, end, len) == 0;
}

/* @return the family, or AF_UNSPEC when it is no address. */
static int parse(struct silt_slice host, struct in_addr *ret_v4, struct in6_addr *ret_v6)
{
    char text[HOST_MAX + 1];
    if (host.len > HOST_MAX) return AF_UNSPEC;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (inet_pton(AF_INET, text, ret_v4) == 1) return AF_INET;
    return inet_pton(AF_INET6, text, ret_v6) == 1 ? AF_INET6 : AF_UNSPEC;
}

bool silt_host_is_local(struct silt_slice host)
{
    struct in_addr v4;
    struct in6_addr v6;
    switch (parse(host, &v4, &v6)) {
    case AF_INET: return ntohl(v4.s_addr) >> 24 == 127;
    case AF_INET6: return IN6_IS_ADDR_LOOPBACK(&v6);
    default: break;
    }
    if (host.len == strlen("localhost")) return ends_with(host, "localhost");
    return ends_with(host, ".localhost");
}

static bool v4_is_metadata(uint32_t address)
{
    return address >> 16 == 0xa9fe; /* 169.254 */
}

static bool v6_is_metadata(const struct in6_addr *address)
{
    static const uint8_t aws[] = {0xfd, 0x00, 0x0e, 0xc2};
    uint32_t mapped;
    memcpy(&mapped, address->s6_addr + 12, sizeof mapped);
    if (IN6_IS_ADDR_V4MAPPED(address)) return v4_is_metadata(ntohl(mapped));
    return IN6_IS_ADDR_LINKLOCAL(address) || memcmp(address->s6_addr, aws, sizeof aws) == 0;
}

bool silt_host_is_metadata(struct silt_slice host)
{
    struct in_addr v4;
    struct in6_addr v6;
    switch (parse(host, &v4, &v6)) {
    case AF_INET: return v4_is_metadata(ntohl(v4.s_addr));
    case AF_INET6: return v6_is_metadata(&v6);
    default: return false;
    }
}

bool silt_address_is_metadata(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return v4_is_metadata(
            ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr));
    if (address->sa_family == AF_INET6)
        return v6_is_metadata(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
    return false;
}
