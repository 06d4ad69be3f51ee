/* Numbers for people. Pure, any thread. Negative numbers stand for "unknown" and come out as "-".
 */
#ifndef SILT_CLI_HUMAN_H
#define SILT_CLI_HUMAN_H

#include <stdint.h>

#define SILT_HUMAN_LEN 32

/* Each writes into `ret_text` and returns it. */
const char *silt_human_bytes(int64_t bytes, char ret_text[SILT_HUMAN_LEN]); /* "1.5 MiB" */
const char *silt_human_count(int64_t n, char ret_text[SILT_HUMAN_LEN]);     /* "1,234,567" */
const char *silt_human_ms(int64_t ms, char ret_text[SILT_HUMAN_LEN]);       /* "2h 5m", "350ms" */

#endif
