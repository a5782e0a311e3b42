/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sizes and counters that the BPF program and Go share. */
#define PATH_MAX_BYTES 64
#define RESPONSES      32
#define RESPONSE_MAX   1460

enum counter {
	OPENED,	   /* connections */
	RESPONDED, /* requests for a known path */
	REFUSED,   /* all others */
	COUNTERS,
};
