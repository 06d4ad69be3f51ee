#include "base/address.h"

#include "harness.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static void host_is(const char *text, const char *host)
{
    CU_ASSERT(silt_slice_eq(silt_host_of(text), silt_slice_str(host)));
}

static void the_host_is_found_in_whatever_holds_it(void)
{
    host_is("h", "h");
    host_is("h:1", "h");
    host_is("https://h/x", "h");
    host_is("https://h:1/x", "h");
    host_is("http://h?x=://y", "h");
    host_is("SSL://h:1,PLAINTEXT://i:2", "h");
    host_is("h:1,https://i", "h");
    host_is("[::1]:9092", "::1");
    host_is("https://[fd00:ec2::254]/x", "fd00:ec2::254");
    host_is("[::1", "::1");
    host_is("", "");
}

static void only_this_machine_is_local(void)
{
    static const char *const local[] = {"localhost", "LocalHost",     "s3.localhost", "127.0.0.1",
                                        "127.9.9.9", "127.255.255.1", "::1"};
    static const char *const far[] = {"",
                                      "h",
                                      "localhost.example",
                                      "127.example",
                                      "127.0.0.1.example",
                                      "notlocalhost",
                                      "10.0.0.1",
                                      "128.0.0.1",
                                      "0.0.0.0",
                                      "::",
                                      "::2",
                                      "127.1"};
    for (size_t i = 0; i < sizeof local / sizeof local[0]; i++)
        CU_ASSERT(silt_host_is_local(silt_slice_str(local[i])));
    for (size_t i = 0; i < sizeof far / sizeof far[0]; i++)
        CU_ASSERT_FALSE(silt_host_is_local(silt_slice_str(far[i])));
}

static bool is_metadata(const char *host)
{
    return silt_host_is_metadata(silt_slice_str(host));
}

static void where_credentials_are_handed_out_is_known(void)
{
    CU_ASSERT(is_metadata("169.254.169.254"));
    CU_ASSERT(is_metadata("169.254.0.0"));
    CU_ASSERT(is_metadata("169.254.255.255"));
    CU_ASSERT(is_metadata("fd00:ec2::254"));
    CU_ASSERT(is_metadata("fd00:0ec2:0:0:0:0:0:23"));
    CU_ASSERT(is_metadata("fe80::1"));
    CU_ASSERT(is_metadata("::ffff:169.254.169.254"));
    CU_ASSERT_FALSE(is_metadata("169.253.255.255"));
    CU_ASSERT_FALSE(is_metadata("169.255.0.0"));
    CU_ASSERT_FALSE(is_metadata("fd00:ec1::254"));
    CU_ASSERT_FALSE(is_metadata("fec0::1"));
    CU_ASSERT_FALSE(is_metadata("::ffff:127.0.0.1"));
    CU_ASSERT_FALSE(is_metadata("metadata.example"));
}

static void a_host_longer_than_any_is_no_address(void)
{
    char text[400];
    memset(text, '1', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    CU_ASSERT_FALSE(is_metadata(text));
    CU_ASSERT_FALSE(silt_host_is_local(silt_slice_str(text)));
}

static void a_resolved_address_is_judged_too(void)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sockaddr other = {.sa_family = AF_UNIX};
    inet_pton(AF_INET, "169.254.169.254", &v4.sin_addr);
    inet_pton(AF_INET6, "fd00:ec2::254", &v6.sin6_addr);
    CU_ASSERT(silt_address_is_metadata((const struct sockaddr *)&v4));
    CU_ASSERT(silt_address_is_metadata((const struct sockaddr *)&v6));
    CU_ASSERT_FALSE(silt_address_is_metadata(&other));
    inet_pton(AF_INET, "127.0.0.1", &v4.sin_addr);
    inet_pton(AF_INET6, "::1", &v6.sin6_addr);
    CU_ASSERT_FALSE(silt_address_is_metadata((const struct sockaddr *)&v4));
    CU_ASSERT_FALSE(silt_address_is_metadata((const struct sockaddr *)&v6));
}

SILT_TESTS("address",
           {"the host is found in whatever holds it", the_host_is_found_in_whatever_holds_it},
           {"only this machine is local", only_this_machine_is_local},
           {"where credentials are handed out is known", where_credentials_are_handed_out_is_known},
           {"a host longer than any is no address", a_host_longer_than_any_is_no_address},
           {"a resolved address is judged too", a_resolved_address_is_judged_too})
