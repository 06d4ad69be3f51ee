/* What verify found, for machines: the last line of `silt verify --json` and of `silt demo --json`.
 */
#ifndef SILT_CLI_VERIFY_JSON_H
#define SILT_CLI_VERIFY_JSON_H

#include "inspect/verify.h"

#include <stdio.h>

void silt_verify_totals_json(FILE *out, const struct silt_verify_totals *totals);

#endif
