#include "cli/cli.h"

int main(int argc, char **argv)
{
    return silt_cli_main(argc, argv);
}
