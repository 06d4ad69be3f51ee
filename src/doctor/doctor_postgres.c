/* PostgreSQL: connection, version, rights, migrations. */
#include "doctor_int.h"

#include "pg/migrate.h"

#include <stdio.h>
#include <string.h>

static SILT_RC ask(struct silt_doctor *doctor, const char *sql, char *ret_text, size_t room,
                   struct silt_err *err)
{
    struct pg_result *rows;
    SILT_TRY(silt_pg_exec(doctor->pg, sql, NULL, 0, &rows, err));
    const char *text = silt_pg_rows_n(rows) ? silt_pg_value(rows, 0, 0) : NULL;
    snprintf(ret_text, room, "%s", text ? text : "");
    silt_pg_rows_free(rows);
    return SILT_OK;
}

static void fail(struct silt_doctor_result *result, const struct silt_err *err)
{
    const char *mend =
        "check host, port and database in metrics.postgres, and that the server takes "
        "connections from this machine (pg_hba.conf, firewall)";
    if (err->code == SILT_E_AUTH) mend = "correct user and password in metrics.postgres";
    if (err->code == SILT_E_CONFIG) mend = "correct metrics.postgres";
    silt_fail_err(result, err, mend);
}

void silt_check_postgres(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    char version[64];
    const struct silt_secret *dsn = &doctor->opts->observe.postgres_dsn;
    const struct silt_pg_opts opts = {.dsn = dsn, .application_name = "silt doctor"};
    if (!silt_secret_is_set(dsn)) {
        silt_skip(result, "metrics.postgres is not set");
        return;
    }
    if (!silt_ok(silt_pg_check(dsn, doctor->opts->postgres_plaintext, &err)) ||
        !silt_ok(silt_pg_connect(&opts, &doctor->pg, &err)) ||
        !silt_ok(ask(doctor, "show server_version", version, sizeof version, &err))) {
        fail(result, &err);
        return;
    }
    silt_found(result, "PostgreSQL %s", version);
}

/* What a worker does that finds the schema of its own version, or not. */
static const char may_create[] = "select case when to_regnamespace('silt') is null"
                                 " then has_database_privilege(current_database(), 'create')"
                                 " else has_schema_privilege('silt', 'create') end";
static const char may_write[] =
    "select bool_and(has_table_privilege(c.oid, 'insert')) from pg_class c"
    " where c.relnamespace = to_regnamespace('silt') and c.relkind in ('r', 'p')"
    " and not c.relispartition and c.relname <> 'migration'";

static SILT_RC judge(struct silt_doctor *doctor, struct silt_doctor_result *result,
                     struct silt_err *err)
{
    int version;
    char granted[8];
    const int ours = silt_observe_schema_version();
    SILT_TRY(silt_pg_migrated(doctor->pg, &version, err));
    const bool is_there = version >= ours;
    SILT_TRY(ask(doctor, is_there ? may_write : may_create, granted, sizeof granted, err));
    if (strcmp(granted, "t") == 0) {
        silt_found(result, "schema silt is of version %d, this program's is %d%s", version, ours,
                   is_there ? "" : "; the worker will bring it there");
        return SILT_OK;
    }
    silt_found(result,
               "schema silt is of version %d, this program's is %d, and this role may not %s",
               version, ours, is_there ? "insert into its tables" : "create it");
    silt_fail(result, SILT_E_DENIED,
              is_there
                  ? "grant insert, select, update on all tables in schema silt to the role"
                  : "grant create on the database to the role, or let its owner start a worker "
                    "once");
    return SILT_OK;
}

void silt_check_postgres_rights(struct silt_doctor *doctor, struct silt_doctor_result *result)
{
    struct silt_err err;
    if (!silt_ok(judge(doctor, result, &err)))
        silt_fail_err(result, &err,
                      "grant usage on schema silt and select on its tables to the role");
}
