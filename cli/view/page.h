/* SPDX-License-Identifier: Apache-2.0 */
/* report.html: findings, pictures and tables on one page that refers to nothing outside itself. */
#ifndef BSA_CLI_VIEW_PAGE_H
#define BSA_CLI_VIEW_PAGE_H

#include "model.h"

/* folder: where pictures are, as far as they have been drawn as SVG. */
void view_page(const char *folder, JsonObject *report, GString *out);

/* The same of the recorded allocator alone. */
void view_recorded_page(const char *folder, JsonObject *report, GString *out);

/* Its parts: up to the heading; the pictures that are there; tables; and a picture that stands in
 * the page with names of its own. */
void view_page_head(const char *title, GString *out);
void view_page_pictures(const char *folder, JsonObject *report, GString *out);
void view_page_tables(JsonObject *report, GString *out);
void view_page_picture(GString *out, const char *svg, guint number);
/* text with what HTML means by characters taken literally. */
void view_page_text(GString *out, const char *text);

#endif
