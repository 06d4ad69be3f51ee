#include "pg/migrate.h"

#include <stdio.h>

#include <stdlib.h>

#define PATIENCE_MS 60000

/* the lock's number is "silt" in ASCII */
static const char take_lock[] = "begin; set local statement_timeout = '60s'; "
                                "select pg_advisory_xact_lock(1936288884)";
static const char make_table[] =
    "create schema if not exists silt; "
    "create table if not exists silt.migration (version int primary key, name text not null, "
    "applied_at timestamptz not null default now())";

static SILT_RC number_of(struct silt_pg *pg, const char *sql, int *ret_number, struct silt_err *err)
{
    struct pg_result *rows;
    SILT_TRY(silt_pg_exec(pg, sql, NULL, 0, &rows, err));
    const char *text = silt_pg_rows_n(rows) ? silt_pg_value(rows, 0, 0) : NULL;
    *ret_number = text ? (int)strtol(text, NULL, 10) : 0;
    silt_pg_rows_free(rows);
    return SILT_OK;
}

SILT_RC silt_pg_migrated(struct silt_pg *pg, int *ret_version, struct silt_err *err)
{
    int exists;
    SILT_TRY(
        number_of(pg, "select (to_regclass('silt.migration') is not null)::int", &exists, err));
    *ret_version = 0;
    if (!exists) return SILT_OK;
    return number_of(pg, "select coalesce(max(version), 0) from silt.migration", ret_version, err);
}

static SILT_RC apply(struct silt_pg *pg, const struct silt_pg_migration *migration,
                     struct silt_err *err)
{
    struct silt_rc rc = silt_pg_script(pg, migration->sql, err);
    if (!silt_ok(rc)) {
        silt_err_context(err, "migration %s", migration->name);
        return rc;
    }
    char version[16];
    snprintf(version, sizeof version, "%d", migration->version);
    const char *const params[] = {version, migration->name};
    return silt_pg_exec(pg, "insert into silt.migration (version, name) values ($1, $2)", params, 2,
                        NULL, err);
}

static SILT_RC apply_missing(struct silt_pg *pg, const struct silt_pg_migration *migrations,
                             unsigned migrations_n, struct silt_err *err)
{
    int version;
    SILT_TRY(silt_pg_script(pg, take_lock, err));
    SILT_TRY(silt_pg_script(pg, make_table, err));
    SILT_TRY(silt_pg_migrated(pg, &version, err));
    for (unsigned i = 0; i < migrations_n; i++) {
        if (migrations[i].version <= version) continue;
        SILT_TRY(apply(pg, &migrations[i], err));
    }
    return silt_pg_script(pg, "commit", err);
}

SILT_RC silt_pg_migrate(struct silt_pg *pg, const struct silt_pg_migration *migrations,
                        unsigned migrations_n, struct silt_err *err)
{
    int version;
    SILT_TRY(silt_pg_migrated(pg, &version, err));
    if (version >= migrations[migrations_n - 1].version) return SILT_OK;
    silt_pg_patience(pg, PATIENCE_MS);
    struct silt_rc rc = apply_missing(pg, migrations, migrations_n, err);
    silt_pg_patience(pg, 0);
    if (!silt_ok(rc) && !silt_pg_is_broken(pg)) (void)silt_pg_script(pg, "rollback", NULL).ok;
    return rc;
}
