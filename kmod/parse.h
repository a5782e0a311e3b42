/* SPDX-License-Identifier: GPL-2.0 */
/* HTTP/1.1 requests (RFC 9112), read line by line as the bytes come. */
#ifndef KHTTPD_PARSE_H
#define KHTTPD_PARSE_H

#include <linux/types.h>

#define KHTTPD_MAX_LINE	  8192	/* request line or header line, bytes */
#define KHTTPD_MAX_HEADER 16384 /* request line and header lines, bytes */
#define KHTTPD_MAX_BLANK  8	/* empty lines before a request */

enum khttpd_method { METHOD_OTHER, METHOD_GET, METHOD_HEAD };

/*
 * A parser reads one request. It is cleared to zero before each. It keeps
 * offsets, not pointers: the buffer may move between two calls.
 */
struct khttpd_parser {
	u32 line;     /* where the present line begins */
	u32 scan;     /* up to where it was searched for its end */
	u8 blank;     /* empty lines before the request line */
	bool started; /* the request line was read */

	/* The result, valid when khttpd_parse() returns true. */
	u16 status; /* 0, or the error to answer */
	u8 method;
	u8 minor;	 /* of HTTP/1.minor */
	bool close;	 /* the connection ends with this request */
	bool keep_alive; /* asked for by name */
	bool expect;	 /* the client waits for 100 Continue */
	bool host, chunked, has_length;
	u64 length;		/* of the request's body */
	u32 target, target_len; /* in the buffer */
};

bool khttpd_parse(struct khttpd_parser *p, const char *buf, u32 len);
int khttpd_path(char *target, u32 len);

#endif /* KHTTPD_PARSE_H */
