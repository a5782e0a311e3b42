/* SPDX-License-Identifier: GPL-2.0-only */
/* HTTP/1.1 requests (RFC 9112), parsed line by line as bytes arrive. */
#ifndef KHTTPD_PARSE_H
#define KHTTPD_PARSE_H

#include <linux/types.h>

#define KHTTPD_MAX_LINE	  8192	/* request line or header line, bytes */
#define KHTTPD_MAX_HEADER 16384 /* request line and header section, bytes */
#define KHTTPD_MAX_BLANK  8	/* empty lines before a request */

enum khttpd_method { KHTTPD_METHOD_OTHER, KHTTPD_METHOD_GET, KHTTPD_METHOD_HEAD };

/*
 * The state of parsing one request; zero it before each. It holds offsets, not
 * pointers, since the buffer may move between two calls.
 */
struct khttpd_parser {
	u32 line;     /* offset of the current line */
	u32 scan;     /* offset up to which the end of the line was searched for */
	u8 blank;     /* empty lines before the request line */
	bool started; /* the request line was parsed */

	/* The result, valid when khttpd_parse() returns true. */
	u16 status; /* 0, or the error status */
	u8 method;
	u8 minor;	 /* of HTTP/1.minor */
	bool close;	 /* close the connection after the response */
	bool keep_alive; /* Connection: keep-alive was sent */
	bool expect;	 /* Expect: 100-continue was sent */
	bool host, chunked, unknown_coding, has_length;
	bool if_match_fails, if_none_match_fails; /* if the file exists */
	u64 length;				  /* of the request's body, bytes */
	u32 target, target_len;			  /* of the request target, in the buffer */
};

bool khttpd_parse(struct khttpd_parser *p, const char *buf, u32 len);
int khttpd_path(char *target, u32 len);

#endif /* KHTTPD_PARSE_H */
