/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes and counters that the kernel's side and Go's share. */
#define PATH_MAX_BYTES 64
#define ANSWERS	       32
#define ANSWER_MAX     1460

enum counter {
	OPENED,	  /* SYNs answered */
	ANSWERED, /* requests for a path that has an answer */
	REFUSED,  /* all others */
	COUNTERS,
};
