#include "base/hash.h"
#include "cli/cli.h"

int main(int argc, char **argv)
{
    silt_hash_outlives_exit();
    return silt_cli_main(argc, argv);
}
