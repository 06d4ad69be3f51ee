#include "observe/migrations_int.h"

#include "base/alloc.h"
#include "harness.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>

static void the_program_holds_the_text_of_every_file(void)
{
    for (unsigned i = 0; i < SILT_MIGRATIONS_N; i++) {
        size_t len;
        char *path =
            silt_asprintf(SILT_SOURCE_DIR "/schemas/postgres/%s.sql", silt_migrations[i].name);
        char *text = silt_test_read(path, &len);
        CU_ASSERT_STRING_EQUAL(silt_migrations[i].sql, text);
        CU_ASSERT_EQUAL(silt_migrations[i].version, atoi(silt_migrations[i].name));
        CU_ASSERT_EQUAL(silt_migrations[i].version, (int)i + 1);
        free(text);
        silt_free(path);
    }
}

static void no_file_is_missing_in_the_program(void)
{
    unsigned files_n = 0;
    DIR *folder = opendir(SILT_SOURCE_DIR "/schemas/postgres");
    const struct dirent *entry;
    while (folder && (entry = readdir(folder))) files_n += strstr(entry->d_name, ".sql") != NULL;
    if (folder) closedir(folder);
    CU_ASSERT_EQUAL(files_n, SILT_MIGRATIONS_N);
}

SILT_TESTS("migrations",
           {"the program holds the text of every file", the_program_holds_the_text_of_every_file},
           {"no file is missing in the program", no_file_is_missing_in_the_program})
