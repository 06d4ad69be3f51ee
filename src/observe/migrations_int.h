/* The SQL of schemas/postgres, inside the program: kept equal by a test. */
#ifndef SILT_OBSERVE_MIGRATIONS_INT_H
#define SILT_OBSERVE_MIGRATIONS_INT_H

#include "pg/migrate.h"

#define SILT_MIGRATIONS_N 1
extern const struct silt_pg_migration silt_migrations[SILT_MIGRATIONS_N];

#endif
