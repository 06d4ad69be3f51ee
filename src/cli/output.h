/* All of the output for people in one include. */
#ifndef SILT_CLI_OUTPUT_H
#define SILT_CLI_OUTPUT_H

#include "cli/human.h"
#include "cli/progress.h"
#include "cli/table.h"
#include "cli/terminal.h"

#endif
