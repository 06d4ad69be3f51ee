#include "cli/cli.h"

#include <openssl/crypto.h>

int main(int argc, char **argv)
{
    /* Threads of the Kafka client and of name look-ups may outlive this one, and OpenSSL would take
     * its tables away from under them when the process exits. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_ATEXIT, NULL);
    return silt_cli_main(argc, argv);
}
