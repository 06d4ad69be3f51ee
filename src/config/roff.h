/* Text for manual pages (man(7)): what roff would take for a request or an escape is made plain.
 * Pure.
 */
#ifndef SILT_CONFIG_ROFF_H
#define SILT_CONFIG_ROFF_H

#include <stdio.h>

/* The text as it stands, line ends included. */
void silt_roff_text(FILE *out, const char *text);
/* .TH, with the program's version and without a date, so that the same program gives the same page.
 */
void silt_roff_title(FILE *out, const char *name, const char *section);

#endif
