/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Sizes and counters that the BPF programs and Go share. */
#define PATH_MAX_BYTES 64
#define HOST_MAX_BYTES 128
#define REQUEST_MAX    248 /* longest request that is handled in the kernel */
#define REQUEST_SIZE   256 /* a power of two above it */
#define RESPONSES      64
#define RESPONSE_MAX   16896 /* 16 KiB and a header section */
#define RESPONSE_SIZE  16960
#define DATE_AT	       23 /* behind "HTTP/1.1 200 OK\r\nDate: " */
#define DATE_BYTES     29

enum counter {
	RESPONDED,	    /* in the kernel */
	PASSED_PENDING,	    /* user space had not responded to all it was passed */
	PASSED_OTHER,	    /* not of the form that is handled here */
	PASSED_NO_RESPONSE, /* no response ready: too long, or no such file */
	PASSED_FULL,	    /* the send buffer was not empty, or a response was in flight */
	LOST,		    /* connections broken: no memory to send a response whole */
	JOINED,		    /* connections */
	NOT_JOINED,	    /* connections that user space has alone */
	COUNTERS,
};
