/* SPDX-License-Identifier: GPL-2.0-only */
/* The content of a request (RFC 9112 sections 6 and 7), which is discarded. */
#ifndef KHTTPD_CONTENT_H
#define KHTTPD_CONTENT_H

#include <linux/types.h>

/* The position within chunked content. */
enum khttpd_chunk_state {
	KHTTPD_NOT_CHUNKED,
	KHTTPD_CHUNK_SIZE,    /* in chunk-size; line counts its digits */
	KHTTPD_CHUNK_EXT,     /* in chunk-ext */
	KHTTPD_CHUNK_LF,      /* before the LF that ends the line */
	KHTTPD_CHUNK_DATA,    /* left bytes follow */
	KHTTPD_CHUNK_DATA_CR, /* after chunk-data, before CR */
	KHTTPD_CHUNK_DATA_LF, /* before LF */
	KHTTPD_TRAILER,	      /* at the start of, or in, a trailer field */
	KHTTPD_TRAILER_LF,    /* before the LF that ends it */
	KHTTPD_LAST_LF,	      /* before the LF that ends the content */
};

/* The rest of a request's content. Zero is no content. */
struct khttpd_content {
	u64 left;  /* bytes of the content, or of the chunk, to discard */
	u64 total; /* bytes of chunked content seen */
	u32 line;  /* bytes of the current line seen */
	u8 state;
};

static inline bool khttpd_content_pending(const struct khttpd_content *c)
{
	return c->left || c->state != KHTTPD_NOT_CHUNKED;
}

int khttpd_content_discard(struct khttpd_content *c, const char *buf, u32 len);

#endif /* KHTTPD_CONTENT_H */
