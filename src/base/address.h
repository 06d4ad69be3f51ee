/* What a host's name or address says before anybody connects: whether it is this machine, and
 * whether it is an address where clouds hand out credentials. No look-ups, no I/O.
 *
 * Sources: RFC 6761 6.3 (localhost), RFC 1122 3.2.1.3 (127/8), RFC 4291 2.5 (::1, fe80::/10),
 * RFC 3927 (169.254/16); AWS instance, container and pod credentials are served at 169.254.169.254,
 * 169.254.170.2, 169.254.170.23 and in fd00:ec2::/32 (EC2 and EKS user guides, 2026-11).
 */
#ifndef SILT_BASE_ADDRESS_H
#define SILT_BASE_ADDRESS_H

#include "base/buf.h"

#include <stdbool.h>

struct sockaddr;

/* The host in "[scheme://]host[:port][/…]", without the brackets of an IPv6 address. Ends at the
 * first comma too, so that a list can be walked. Borrowed from `text`. */
struct silt_slice silt_host_of(const char *text);

/* localhost, *.localhost, 127.0.0.0/8, ::1. A name that only resolves to this machine is not. */
bool silt_host_is_local(struct silt_slice host);

/* Link-local addresses and AWS's own: nothing that silt talks to lives there. */
bool silt_host_is_metadata(struct silt_slice host); /* an address in its usual form, not a name */
bool silt_address_is_metadata(const struct sockaddr *address);

#endif
