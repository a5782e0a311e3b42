/* SPDX-License-Identifier: GPL-2.0 */
/* Sizes and counters that the kernel's side and Go's share. */
#define PATH_MAX_BYTES 64
#define HOST_MAX_BYTES 128
#define REQUEST_MAX    248   /* longest request that is answered here */
#define REQUEST_ROOM   256   /* a power of two above it */
#define ANSWER_MAX     16896 /* 16 KiB and a header */
#define ANSWER_ROOM    16960
#define DATE_AT	       23 /* behind "HTTP/1.1 200 OK\r\nDate: " */
#define DATE_BYTES     29

enum counter {
	ANSWERED,	  /* in the kernel */
	PASSED_IN_ORDER,  /* to user space, which had not answered all before */
	PASSED_OTHER,	  /* not of the form that is answered here */
	PASSED_NO_ANSWER, /* no answer ready: too long, or no such file */
	PASSED_FULL,	  /* the send buffer was not empty */
	LOST_NO_MEMORY,	  /* dropped: the kernel had no memory */
	JOINED,		  /* connections */
	NOT_JOINED,	  /* connections that user space has alone */
	COUNTERS,
};
