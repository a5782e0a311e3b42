// SPDX-License-Identifier: GPL-2.0-only
/*
 * HTTP/1.1 request parser.
 *
 * Parsing is linear: the search for the end of a line resumes where it stopped,
 * and a line is parsed once, when it is complete. An error is reported as soon as
 * it is detected, not at the end of the header section.
 */
#include <linux/ctype.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>

#include "compat.h"
#include "parse.h"

/* RFC 9110 section 5.6.2 */
static bool khttpd_is_tchar(u8 c)
{
	return c < 0x80 && (isalnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c)));
}

/* khttpd_word_equals - report whether s is the lower-case word, ignoring case */
static bool khttpd_word_equals(const char *s, u32 len, const char *word)
{
	return strlen(word) == len && !strncasecmp(s, word, len);
}

/* khttpd_has_token - report whether a list holds the token (RFC 9110 section 5.6.1) */
static bool khttpd_has_token(const char *s, u32 len, const char *word)
{
	while (len) {
		u32 item = 0, end;

		while (item < len && s[item] != ',')
			item++;
		end = item;
		while (end && (s[end - 1] == ' ' || s[end - 1] == '\t'))
			end--;
		if (khttpd_word_equals(s, end, word))
			return true;
		if (item < len)
			item++;
		while (item < len && (s[item] == ' ' || s[item] == '\t'))
			item++;
		s += item;
		len -= item;
	}
	return false;
}

/* khttpd_is_authority - report whether s is uri-host [ ":" port ] (RFC 3986 section 3.2.2) */
static bool khttpd_is_authority(const char *s, u32 len)
{
	u32 i = 0;

	if (len && s[0] == '[') { /* IP-literal; IPvFuture is not supported */
		for (i = 1; i < len && (isxdigit(s[i]) || s[i] == ':' || s[i] == '.'); i++)
			;
		if (i == 1 || i == len || s[i] != ']')
			return false;
		i++;
	} else {
		for (; i < len && s[i] != ':'; i++) {
			if (s[i] == '%') {
				if (len - i < 3 || !isxdigit(s[i + 1]) || !isxdigit(s[i + 2]))
					return false;
				i += 2;
			} else if ((u8)s[i] >= 0x80 || !s[i] ||
				   (!isalnum(s[i]) && !strchr("-._~!$&'()*+;=", s[i]))) {
				return false;
			}
		}
	}
	if (i == len)
		return true;
	if (s[i++] != ':')
		return false;
	while (i < len && isdigit(s[i]))
		i++;
	return i == len;
}

static u16 khttpd_parse_version(struct khttpd_parser *p, const char *s, u32 len)
{
	if (len != 8 || memcmp(s, "HTTP/", 5) || !isdigit(s[5]) || s[6] != '.' || !isdigit(s[7]))
		return 400;
	if (s[5] != '1')
		return 505;
	p->minor = s[7] - '0';
	return 0;
}

/* request-line = method SP request-target SP HTTP-version (RFC 9112 section 3) */
static u16 khttpd_parse_request_line(struct khttpd_parser *p, const char *line, u32 len)
{
	u32 i = 0, target;

	while (i < len && khttpd_is_tchar(line[i]))
		i++;
	if (!i || i == len || line[i] != ' ')
		return 400;
	if (i == 3 && !memcmp(line, "GET", 3))
		p->method = KHTTPD_METHOD_GET;
	else if (i == 4 && !memcmp(line, "HEAD", 4))
		p->method = KHTTPD_METHOD_HEAD;

	target = ++i;
	while (i < len && (u8)line[i] > ' ' && line[i] != 0x7f)
		i++;
	if (i == target || i == len || line[i] != ' ')
		return 400;
	p->target += target;
	p->target_len = i - target;
	i++;
	return khttpd_parse_version(p, line + i, len - i);
}

static u16 khttpd_parse_content_length(struct khttpd_parser *p, const char *s, u32 len)
{
	u64 value = 0;
	u32 i;

	if (!len || len > 18) /* more digits could overflow */
		return 400;
	for (i = 0; i < len; i++) {
		if (!isdigit(s[i]))
			return 400;
		value = value * 10 + (s[i] - '0');
	}
	if (p->has_length && p->length != value)
		return 400;
	p->has_length = true;
	p->length = value;
	return 0;
}

/* field-line = field-name ":" OWS field-value OWS (RFC 9112 section 5) */
static u16 khttpd_parse_field(struct khttpd_parser *p, const char *line, u32 len)
{
	u32 name = 0, i;
	const char *value;

	while (name < len && khttpd_is_tchar(line[name]))
		name++;
	/* This also rejects line folding and white space before the colon. */
	if (!name || name == len || line[name] != ':')
		return 400;
	for (i = name + 1; i < len; i++)
		if (((u8)line[i] < ' ' && line[i] != '\t') || line[i] == 0x7f)
			return 400;

	value = line + name + 1;
	len -= name + 1;
	while (len && (*value == ' ' || *value == '\t')) {
		value++;
		len--;
	}
	while (len && (value[len - 1] == ' ' || value[len - 1] == '\t'))
		len--;

	switch (name) {
	case 4:
		if (!khttpd_word_equals(line, name, "host"))
			break;
		if (p->host || !khttpd_is_authority(value, len))
			return 400;
		p->host = true;
		break;
	case 8:
		/* There is no entity tag that a list could match. */
		if (khttpd_word_equals(line, name, "if-match") &&
		    !khttpd_word_equals(value, len, "*"))
			p->if_match_fails = true;
		break;
	case 13:
		if (khttpd_word_equals(line, name, "if-none-match") &&
		    khttpd_word_equals(value, len, "*"))
			p->if_none_match_fails = true;
		break;
	case 6:
		if (khttpd_word_equals(line, name, "expect") &&
		    khttpd_has_token(value, len, "100-continue"))
			p->expect = true;
		break;
	case 10:
		if (!khttpd_word_equals(line, name, "connection"))
			break;
		if (khttpd_has_token(value, len, "close"))
			p->close = true;
		if (khttpd_has_token(value, len, "keep-alive"))
			p->keep_alive = true;
		break;
	case 14:
		if (khttpd_word_equals(line, name, "content-length"))
			return khttpd_parse_content_length(p, value, len);
		break;
	case 17:
		if (!khttpd_word_equals(line, name, "transfer-encoding"))
			break;
		/* Any other coding, also chunked twice, is not supported. */
		if (p->chunked || !khttpd_word_equals(value, len, "chunked"))
			p->unknown_coding = true;
		p->chunked = true;
		break;
	}
	return 0;
}

/* khttpd_parse_end - check what depends on the whole header section */
static u16 khttpd_parse_end(struct khttpd_parser *p)
{
	if (p->minor > 0 && !p->host)
		return 400;
	/*
	 * RFC 9112 section 6.1: both framings at once, or a coding in an HTTP/1.0
	 * request, can be an attempt to smuggle a request.
	 */
	if (p->chunked && (p->has_length || !p->minor))
		return 400;
	if (p->unknown_coding)
		return 501;
	if (!p->minor)
		p->expect = false; /* RFC 9110 section 10.1.1 */
	if (!p->minor && !p->keep_alive)
		p->close = true;
	return p->method == KHTTPD_METHOD_OTHER ? 405 : 0;
}

/* khttpd_parse_fail - end the request with an error, after which the connection is closed */
static bool khttpd_parse_fail(struct khttpd_parser *p, const char *line, u32 len, u16 status)
{
	/* Whether the response may have a body (RFC 9110 section 9.3.2). */
	if (!p->started && len > 5 && !memcmp(line, "HEAD ", 5))
		p->method = KHTTPD_METHOD_HEAD;
	p->status = status;
	p->close = true;
	return true;
}

/**
 * khttpd_parse - resume parsing a request
 * @p: the parser's state
 * @buf: all bytes since the beginning of the request
 * @len: their number
 *
 * Return: true when the request is complete or invalid; @p->line is then the
 * offset of its end. False when more bytes are needed.
 */
bool khttpd_parse(struct khttpd_parser *p, const char *buf, u32 len)
{
	for (;;) {
		const char *end = memchr(buf + p->scan, '\n', len - p->scan);
		u32 line = p->line, n;
		u16 status;

		n = (end ? end - buf : len) - line;
		if (n > KHTTPD_MAX_LINE)
			return khttpd_parse_fail(p, buf + line, n, p->started ? 431 : 414);
		if (line + n > KHTTPD_MAX_HEADER)
			return khttpd_parse_fail(p, buf + line, n, 431);
		if (!end) {
			p->scan = len;
			return false;
		}
		p->line = p->scan = end - buf + 1;
		if (n && buf[line + n - 1] == '\r')
			n--;

		if (n == 0 && p->started) {
			p->status = khttpd_parse_end(p);
			if (p->status && p->status != 405)
				p->close = true;
			return true;
		}
		if (n == 0) { /* RFC 9112 section 2.2 */
			if (++p->blank > KHTTPD_MAX_BLANK)
				return khttpd_parse_fail(p, buf + line, n, 400);
			continue;
		}
		if (!p->started) {
			p->started = true;
			p->target = line;
			status = khttpd_parse_request_line(p, buf + line, n);
		} else {
			status = khttpd_parse_field(p, buf + line, n);
		}
		if (status)
			return khttpd_parse_fail(p, buf + line, n, status);
	}
}

/* khttpd_percent_decode - decode %XX in place and remove the query; the length, or -EINVAL */
static int khttpd_percent_decode(char *s, u32 len)
{
	u32 from, to = 0;

	for (from = 0; from < len; from++) {
		char c = s[from];

		if (c == '?')
			break;
		if (c == '#')
			return -EINVAL;
		if (c == '%') {
			int high, low;

			if (len - from < 3)
				return -EINVAL;
			high = hex_to_bin(s[from + 1]);
			low = hex_to_bin(s[from + 2]);
			if (high < 0 || low < 0)
				return -EINVAL;
			c = high << 4 | low;
			from += 2;
		}
		if (!c)
			return -EINVAL;
		s[to++] = c;
	}
	return to;
}

/* khttpd_remove_dot_segments - remove empty, "." and ".." segments; the length, or -EINVAL */
static int khttpd_remove_dot_segments(char *s, u32 len)
{
	u32 from = 0, to = 0;

	while (from < len) {
		u32 end = from + 1; /* s[from] is a slash */

		while (end < len && s[end] != '/')
			end++;
		if (end - from == 3 && s[from + 1] == '.' && s[from + 2] == '.') {
			if (!to)
				return -EINVAL;
			while (s[--to] != '/')
				;
			if (end == len)
				s[to++] = '/';
		} else if (end - from == 1 || (end - from == 2 && s[from + 1] == '.')) {
			if (end == len)
				s[to++] = '/';
		} else {
			memmove(s + to, s + from, end - from);
			to += end - from;
		}
		from = end;
	}
	return to;
}

/**
 * khttpd_path - convert a request target into a path, in place
 * @target: origin-form or absolute-form; one byte after it must be writable
 * @len: its length
 *
 * The path begins with a slash, has no dot segments, ends in NUL and is never
 * longer than the target.
 *
 * Return: the path's length, or -EINVAL if the target is malformed or leaves the
 * root.
 */
int khttpd_path(char *target, u32 len)
{
	int n;

	if (len >= 7 && !strncasecmp(target, "http://", 7)) {
		u32 host = 7;

		while (host < len && target[host] != '/' && target[host] != '?')
			host++;
		if (host == 7 || !khttpd_is_authority(target + 7, host - 7))
			return -EINVAL;
		if (host == len || target[host] == '?') {
			target[0] = '/';
			target[1] = '\0';
			return 1;
		}
		memmove(target, target + host, len - host);
		len -= host;
	}
	if (!len || target[0] != '/')
		return -EINVAL;
	n = khttpd_percent_decode(target, len);
	if (n < 0)
		return n;
	n = khttpd_remove_dot_segments(target, n);
	if (n < 0)
		return n;
	target[n] = '\0';
	return n;
}
