// SPDX-License-Identifier: GPL-2.0-only
/* Responses: from a parsed request to the bytes to send. */
#include <linux/file.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/time.h>
#include <linux/timekeeping.h>

#include "khttpd.h"
#include "trace.h"

#define KHTTPD_INDEX "index.html"

/* clang-format off */
static const char *khttpd_reason_phrase(u16 status)
{
	switch (status) {
	case 200: return "OK";
	case 301: return "Moved Permanently";
	case 304: return "Not Modified";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
	case 412: return "Precondition Failed";
	case 413: return "Content Too Large";
	case 414: return "URI Too Long";
	case 431: return "Request Header Fields Too Large";
	case 501: return "Not Implemented";
	case 503: return "Service Unavailable";
	case 505: return "HTTP Version Not Supported";
	default:  return "Internal Server Error";
	}
}
/* clang-format on */

/* The Date field is formatted once per second and CPU (RFC 9110 section 5.6.7). */
#define KHTTPD_DATE_LEN 29

struct khttpd_date {
	time64_t second;
	char text[KHTTPD_DATE_LEN + 1];
};

static DEFINE_PER_CPU(struct khttpd_date, khttpd_dates);

static void khttpd_format_date(char *text)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time64_t now = ktime_get_real_seconds();
	struct khttpd_date *d = get_cpu_ptr(&khttpd_dates);

	if (d->second != now) {
		struct tm tm;

		time64_to_tm(now, 0, &tm);
		snprintf(d->text, sizeof(d->text), "%.3s, %02d %.3s %04ld %02d:%02d:%02d GMT",
			 days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
			 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
		d->second = now;
	}
	memcpy(text, d->text, sizeof(d->text));
	put_cpu_ptr(&khttpd_dates);
}

static const char *khttpd_content_type(const char *path)
{
	size_t len = strlen(path);

	if (len > 5 && !strcmp(path + len - 5, ".html"))
		return "text/html";
	return "application/octet-stream";
}

/* khttpd_is_plain_path - report whether a path needs no encoding in a header field */
static bool khttpd_is_plain_path(const char *path)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

	return path[strspn(path, set)] == '\0';
}

/* khttpd_format_header - write the header section; extra holds further complete lines */
static void khttpd_format_header(struct khttpd_conn *conn, const char *type, const char *extra)
{
	struct khttpd_response *r = &conn->response;
	char now[KHTTPD_DATE_LEN + 1], content[80] = "";

	khttpd_format_date(now);
	/* RFC 9110 section 8.6: a 304 has no length, or that of the file. */
	if (r->status != 304)
		scnprintf(content, sizeof(content), "Content-Type: %s\r\nContent-Length: %llu\r\n",
			  type, r->size);
	r->head_len = scnprintf(conn->out, sizeof(conn->out),
				"HTTP/1.1 %u %s\r\n"
				"Server: khttpd\r\n"
				"Date: %s\r\n"
				"%s%s%s\r\n",
				r->status, khttpd_reason_phrase(r->status), now, content, extra,
				r->close	   ? "Connection: close\r\n" :
				conn->parser.minor ? "" :
						     "Connection: keep-alive\r\n");
}

/* khttpd_respond_status - respond with a status and its reason phrase as the body */
static void khttpd_respond_status(struct khttpd_conn *conn, u16 status, const char *extra)
{
	struct khttpd_response *r = &conn->response;

	r->status = status;
	r->size = strlen(khttpd_reason_phrase(status)) + 1;
	khttpd_format_header(conn, "text/plain", extra);
	/* RFC 9110 sections 9.3.2 and 15.4.5 */
	if (conn->parser.method != KHTTPD_METHOD_HEAD && status != 304)
		r->head_len += scnprintf(conn->out + r->head_len, sizeof(conn->out) - r->head_len,
					 "%s\n", khttpd_reason_phrase(status));
}

/* khttpd_read_file - read up to want bytes from the beginning; their number, or an error */
static ssize_t khttpd_read_file(struct file *file, char *to, size_t want)
{
	loff_t pos = 0;
	size_t have = 0;

	while (have < want) {
		ssize_t n = kernel_read(file, to + have, want - have, &pos);

		if (n <= 0)
			return n ? n : have;
		have += n;
	}
	return have;
}

/* khttpd_read_whole - read the whole file into memory, as the paper's server does */
static u16 khttpd_read_whole(struct khttpd_response *r, struct file *file)
{
	ssize_t n;

	if (r->size > MAX_RW_COUNT)
		return 503;
	/* Respond with an error rather than have the OOM killer free the memory. */
	r->body = kvmalloc(max_t(u64, r->size, 1), GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!r->body)
		return 503;
	n = khttpd_read_file(file, r->body, r->size);
	if (n < 0)
		return 500;
	r->size = r->left = n; /* the length that was read is the one that is announced */
	return 200;
}

/* khttpd_respond_file - open the file at path and format its header; 200, or an error status */
static u16 khttpd_respond_file(struct khttpd_conn *conn, const char *path)
{
	struct khttpd_response *r = &conn->response;
	bool body = conn->parser.method == KHTTPD_METHOD_GET;
	u16 status = khttpd_file_open(conn->server, path, &r->file, &r->size);

	if (status != 200)
		return status;
	/* RFC 9110 section 13.2.2; files have no date and no entity tag here. */
	if (conn->parser.if_match_fails)
		return 412;
	if (conn->parser.if_none_match_fails)
		return 304;
	r->status = 200;
	if (khttpd_opt.read_whole) {
		status = khttpd_read_whole(r, r->file);
		if (status != 200)
			return status;
		__fput_sync(r->file);
		r->file = NULL;
	}
	r->left = body ? r->size : 0;
	r->tail = body && khttpd_opt.bad_framing ? 2 : 0;
	khttpd_format_header(conn, khttpd_content_type(path), "");

	/* A small file is copied behind the header and leaves in one send. */
	if (body && r->file && !khttpd_opt.split_send &&
	    r->size <= sizeof(conn->out) - r->head_len) {
		ssize_t n = khttpd_read_file(r->file, conn->out + r->head_len, r->size);

		if (n < 0)
			return 500;
		if (n < r->size) { /* it shrank after its length was read */
			r->size = n;
			khttpd_format_header(conn, khttpd_content_type(path), "");
			n = khttpd_read_file(r->file, conn->out + r->head_len, r->size);
			if (n != r->size)
				return 500;
		}
		r->head_len += n;
		r->left = 0;
	}
	if (!r->left && r->file) {
		__fput_sync(r->file);
		r->file = NULL;
	}
	return 200;
}

/* khttpd_respond_path - respond to a valid GET or HEAD; the status */
static u16 khttpd_respond_path(struct khttpd_conn *conn, char *path, int len, u32 space)
{
	u16 status;

	if (khttpd_opt.log_requests)
		pr_info("requested_url = %*pE\n", len, path);
	if (path[len - 1] == '/') {
		if (len + sizeof(KHTTPD_INDEX) > space)
			return 404;
		memcpy(path + len, KHTTPD_INDEX, sizeof(KHTTPD_INDEX));
		status = khttpd_respond_file(conn, path);
		return status == 301 ? 404 : status;
	}
	return khttpd_respond_file(conn, path);
}

/**
 * khttpd_respond - prepare the response to the request that was just parsed
 * @conn: the connection
 *
 * Modifies the request target in the input buffer. There is always a response.
 */
void khttpd_respond(struct khttpd_conn *conn)
{
	struct khttpd_parser *p = &conn->parser;
	struct khttpd_response *r = &conn->response;
	char *target = conn->in + conn->in_start + p->target;
	u16 status = p->status;
	char extra[300] = "";
	int len;

	memset(r, 0, sizeof(*r));
	r->close = p->close || khttpd_opt.close_each;
	/* Do not wait for a body that is long, or that the client may not send. */
	if ((p->has_length && p->length > KHTTPD_SKIP_MAX) ||
	    (p->expect && (p->length || p->chunked)))
		r->close = true;

	if (!status) {
		len = khttpd_path(target, p->target_len);
		/* The rest of the header section, already parsed, is space for "index.html". */
		status = len < 0 ? 400 :
				   khttpd_respond_path(conn, target, len, p->line - p->target);
	}
	if (status == 200)
		goto ready;
	khttpd_response_free(r);
	r->head_sent = r->tail = 0;
	r->left = 0;
	if (status == 301) {
		if (len < 200 && khttpd_is_plain_path(target))
			snprintf(extra, sizeof(extra), "Location: %s/\r\n", target);
		else
			status = 404;
	}
	if (status == 405)
		strscpy(extra, "Allow: GET, HEAD\r\n", sizeof(extra));
	khttpd_respond_status(conn, status, extra);
ready:
	trace_khttpd_ready(conn->port, conn->request_offset, r->size, r->status);
}

/**
 * khttpd_response_free - release the body or file of a response
 * @response: the response
 */
void khttpd_response_free(struct khttpd_response *response)
{
	kvfree(response->body);
	response->body = NULL;
	if (response->file)
		__fput_sync(response->file);
	response->file = NULL;
}
