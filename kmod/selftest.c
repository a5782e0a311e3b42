// SPDX-License-Identifier: GPL-2.0-only
/* A self-test of the parser at load time: each request in one piece and in small ones. */
#include <linux/slab.h>
#include <linux/string.h>

#include "khttpd.h"

static const struct {
	const char *text;
	u16 status;
	bool close;
	const char *path; /* expected path of a valid request; NULL: the target is invalid */
} khttpd_selftest_requests[] = {
	{ "GET / HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, "/" },
	{ "\r\nHEAD /x HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, "/x" },
	{ "GET /x HTTP/1.0\r\n\r\n", 0, true, "/x" },
	{ "GET /x HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", 0, false, "/x" },
	{ "GET /x HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", 0, true, "/x" },
	{ "GET http://h/x?q HTTP/1.1\r\nHost: h\r\n\r\n", 0, false, "/x" },
	{ "GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", 0, false, "/" },
	{ "GET /a/./b//c/../d HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, "/a/b/d" },
	{ "GET /a/.. HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, "/" },
	{ "GET /%61%2F%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, "/b" },
	{ "GET /.. HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, NULL },
	{ "GET /%2e%2e%2fx HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, NULL },
	{ "GET /%00 HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, NULL },
	{ "GET /%zz HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, NULL },
	{ "GET x HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, NULL },
	{ "PUT / HTTP/1.1\r\nHost: a\r\n\r\n", 405, false, "/" },
	{ "GET / HTTP/1.1\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", 400, true,
	  "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
	  400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", 0, false, "/" },
	{ "GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", 0, false, "/" },
	{ "GET / HTTP/1.1\r\nHost: \r\n\r\n", 0, false, "/" },
	{ "GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: %zz\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: [\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", 400, true, "/" },
	{ "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400, true, "/" },
	{ "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, NULL },
	{ "GET http://a:b:c/ HTTP/1.1\r\nHost: a\r\n\r\n", 0, false, NULL },
	{ "GET / HTTP/2.0\r\n", 505, true, "/" },
	{ "GET / HTTQ/1.1\r\n", 400, true, "/" },
	{ "GET  / HTTP/1.1\r\n", 400, true, NULL },
	{ "GET\r\n", 400, true, NULL },
	{ "\x16\x03\x01\r\n", 400, true, NULL },
};

/* khttpd_selftest_one - parse a request in pieces; false with the reason in the log */
static bool khttpd_selftest_one(int i, char *buf, u32 piece)
{
	struct khttpd_parser p = {};
	u32 len = strlen(khttpd_selftest_requests[i].text), have = 0;
	bool done = false;
	int n;

	memcpy(buf, khttpd_selftest_requests[i].text, len);
	while (!done && have < len) {
		have = min(have + piece, len);
		done = khttpd_parse(&p, buf, have);
	}
	/* An error may be detected before the end of the header section. */
	if (!done || (p.line != len && !p.status) ||
	    p.status != khttpd_selftest_requests[i].status ||
	    p.close != khttpd_selftest_requests[i].close) {
		pr_err("selftest: request %d in pieces of %u: done %d, %u of %u bytes, status %u, close %d\n",
		       i, piece, done, p.line, len, p.status, p.close);
		return false;
	}
	if (p.status)
		return true;
	n = khttpd_path(buf + p.target, p.target_len);
	if (khttpd_selftest_requests[i].path ?
		    n < 0 || strcmp(buf + p.target, khttpd_selftest_requests[i].path) :
		    n >= 0) {
		pr_err("selftest: request %d in pieces of %u: path %d '%s'\n", i, piece, n,
		       n < 0 ? "" : buf + p.target);
		return false;
	}
	return true;
}

/* khttpd_selftest_too_long - an endless line must be rejected */
static bool khttpd_selftest_too_long(char *buf, const char *start, u16 status)
{
	struct khttpd_parser p = {};
	u32 len = strlen(start);

	memset(buf, 'a', KHTTPD_IN_MAX);
	memcpy(buf, start, len);
	for (; len <= KHTTPD_IN_MAX; len++) {
		if (!khttpd_parse(&p, buf, len))
			continue;
		if (p.status == status)
			return true;
		break;
	}
	pr_err("selftest: an endless line: status %u after %u bytes, want %u\n", p.status, len,
	       status);
	return false;
}

/**
 * khttpd_selftest - test the parser
 *
 * Return: 0, or -EINVAL with the reason in the log.
 */
int khttpd_selftest(void)
{
	char *buf = kmalloc(KHTTPD_IN_MAX, GFP_KERNEL);
	bool ok = true;
	int i;

	if (!buf)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(khttpd_selftest_requests); i++) {
		ok &= khttpd_selftest_one(i, buf, KHTTPD_IN_MAX);
		ok &= khttpd_selftest_one(i, buf, 1);
		ok &= khttpd_selftest_one(i, buf, 7);
	}
	ok &= khttpd_selftest_too_long(buf, "GET /", 414);
	ok &= khttpd_selftest_too_long(buf, "GET / HTTP/1.1\r\nName: ", 431);
	kfree(buf);
	if (ok)
		pr_info("selftest: %zu requests passed\n", ARRAY_SIZE(khttpd_selftest_requests));
	return ok ? 0 : -EINVAL;
}
