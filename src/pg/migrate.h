/* Numbered migrations, applied once by whichever process comes first.
 *
 * Safe for many processes at a time: whoever finds something to do takes an advisory lock, looks
 * again and applies what is missing in one transaction, recorded in silt.migration. A database that
 * is up to date is only read, so a role without rights to create can work on it; one that is ahead
 * of the program is left alone.
 */
#ifndef SILT_PG_MIGRATE_H
#define SILT_PG_MIGRATE_H

#include "pg/pg.h"

struct silt_pg_migration {
    int version; /* 1, 2, 3 … */
    const char *name;
    const char *sql;
};

/* What was applied: the newest version, 0 when nothing was. */
SILT_RC silt_pg_migrated(struct silt_pg *pg, int *ret_version, struct silt_err *err);

SILT_RC silt_pg_migrate(struct silt_pg *pg, const struct silt_pg_migration *migrations,
                        unsigned migrations_n, struct silt_err *err);

#endif
