// SPDX-License-Identifier: GPL-2.0-only
/* Discarding the content of a request, to find the start of the next one. */
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/minmax.h>

#include "compat.h"
#include "content.h"
#include "parse.h"

#define KHTTPD_CHUNK_DIGITS 15 /* of chunk-size; more could overflow */

/* khttpd_content_line - count a byte of a line that is ignored; false when it is invalid */
static bool khttpd_content_line(struct khttpd_content *c, u8 byte)
{
	return (byte >= ' ' || byte == '\t' || byte == '\r') && byte != 0x7f &&
	       ++c->line <= KHTTPD_MAX_LINE;
}

/* khttpd_content_step - take one byte of the chunked coding; false when it is invalid */
static bool khttpd_content_step(struct khttpd_content *c, u8 byte)
{
	int digit;

	switch (c->state) {
	case KHTTPD_CHUNK_SIZE:
		digit = hex_to_bin(byte);
		if (digit >= 0) {
			c->left = c->left << 4 | digit;
			return ++c->line <= KHTTPD_CHUNK_DIGITS;
		}
		if (!c->line)
			return false;
		c->line = 0;
		if (byte == '\r')
			c->state = KHTTPD_CHUNK_LF;
		else if (byte == ';')
			c->state = KHTTPD_CHUNK_EXT;
		else
			return false;
		return true;
	case KHTTPD_CHUNK_EXT:
		if (byte == '\r')
			c->state = KHTTPD_CHUNK_LF;
		return khttpd_content_line(c, byte);
	case KHTTPD_CHUNK_LF:
		c->line = 0;
		c->state = c->left ? KHTTPD_CHUNK_DATA : KHTTPD_TRAILER;
		return byte == '\n';
	case KHTTPD_CHUNK_DATA_CR:
		c->state = KHTTPD_CHUNK_DATA_LF;
		return byte == '\r';
	case KHTTPD_CHUNK_DATA_LF:
		c->state = KHTTPD_CHUNK_SIZE;
		return byte == '\n';
	case KHTTPD_TRAILER:
		if (byte == '\r') {
			c->state = c->line ? KHTTPD_TRAILER_LF : KHTTPD_LAST_LF;
			c->line = 0;
			return true;
		}
		return khttpd_content_line(c, byte);
	case KHTTPD_TRAILER_LF:
		c->state = KHTTPD_TRAILER;
		return byte == '\n';
	case KHTTPD_LAST_LF:
		c->state = KHTTPD_NOT_CHUNKED;
		return byte == '\n';
	}
	return false;
}

/**
 * khttpd_content_discard - discard content at the front of a buffer
 * @c: the state
 * @buf: received bytes
 * @len: their number
 *
 * Return: the number of bytes that belong to the content, or -EINVAL when the
 * chunked coding is invalid.
 */
int khttpd_content_discard(struct khttpd_content *c, const char *buf, u32 len)
{
	u32 n = 0;

	while (n < len && khttpd_content_pending(c)) {
		if (c->state == KHTTPD_NOT_CHUNKED || c->state == KHTTPD_CHUNK_DATA) {
			u32 part = min_t(u64, c->left, len - n);

			n += part;
			c->left -= part;
			if (!c->left && c->state == KHTTPD_CHUNK_DATA)
				c->state = KHTTPD_CHUNK_DATA_CR;
			continue;
		}
		if (!khttpd_content_step(c, buf[n++]))
			return -EINVAL;
	}
	c->total += n;
	return n;
}
