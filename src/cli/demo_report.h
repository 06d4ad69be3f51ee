/* What `silt demo` says at its end: the objects it made, the rejects by reason, and verify's
 * verdict. */
#ifndef SILT_CLI_DEMO_REPORT_H
#define SILT_CLI_DEMO_REPORT_H

#include "cli/cli.h"
#include "config/config.h"
#include "inspect/verify.h"
#include "metrics/metrics.h"

/* Reads the archive of `config` again from the outside; only slots made since start_ms (wall clock)
 * are listed, everything is verified. */
SILT_RC silt_demo_report(const struct silt_config *config,
                         const struct silt_metrics_snapshot *counts, int64_t start_ms,
                         const struct silt_cli *cli, struct silt_verify_totals *ret_totals,
                         struct silt_err *err);

#endif
