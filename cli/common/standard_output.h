/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BSA_CLI_COMMON_STANDARD_OUTPUT_H
#define BSA_CLI_COMMON_STANDARD_OUTPUT_H

/* From here on a program that ends by exit, or from main, and whose standard output did not take
 * what was printed, says so and ends with this status. */
void standard_output_guard(const char *program, int status);

#endif
