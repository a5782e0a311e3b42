// SPDX-License-Identifier: GPL-2.0
/* Answers: from a request that was read to the bytes to send. */
#include <linux/file.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/string.h>
#include <linux/time.h>
#include <linux/timekeeping.h>

#include "khttpd.h"
#include "trace.h"

#define INDEX "index.html"

/* clang-format off */
static const char *reason(u16 status)
{
	switch (status) {
	case 200: return "OK";
	case 301: return "Moved Permanently";
	case 400: return "Bad Request";
	case 403: return "Forbidden";
	case 404: return "Not Found";
	case 405: return "Method Not Allowed";
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

/* The date's text is made once per second and CPU (RFC 9110 section 5.6.7). */
#define DATE_LEN 29

struct date {
	time64_t second;
	char text[DATE_LEN + 1];
};

static DEFINE_PER_CPU(struct date, khttpd_date);

static void date(char *text)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time64_t now = ktime_get_real_seconds();
	struct date *d = get_cpu_ptr(&khttpd_date);

	if (d->second != now) {
		struct tm tm;

		time64_to_tm(now, 0, &tm);
		snprintf(d->text, sizeof(d->text), "%.3s, %02d %.3s %04ld %02d:%02d:%02d GMT",
			 days + 3 * tm.tm_wday, tm.tm_mday, months + 3 * tm.tm_mon,
			 tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
		d->second = now;
	}
	memcpy(text, d->text, sizeof(d->text));
	put_cpu_ptr(&khttpd_date);
}

static const char *content_type(const char *path)
{
	size_t len = strlen(path);

	if (len > 5 && !strcmp(path + len - 5, ".html"))
		return "text/html";
	return "application/octet-stream";
}

/* plain - whether a path can stand in a header field as it is */
static bool plain(const char *path)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/";

	return path[strspn(path, set)] == '\0';
}

/* head - write the header; extra is further lines, each with its end */
static void head(struct khttpd_conn *conn, const char *type, const char *extra)
{
	struct khttpd_reply *r = &conn->reply;
	char now[DATE_LEN + 1];

	date(now);
	r->head_len = scnprintf(conn->out, sizeof(conn->out),
				"HTTP/1.1 %u %s\r\n"
				"Server: khttpd\r\n"
				"Date: %s\r\n"
				"Content-Type: %s\r\n"
				"Content-Length: %llu\r\n"
				"%s%s\r\n",
				r->status, reason(r->status), now, type, r->size, extra,
				r->close	   ? "Connection: close\r\n" :
				conn->parser.minor ? "" :
						     "Connection: keep-alive\r\n");
}

/* say - an answer without a file: the status in words */
static void say(struct khttpd_conn *conn, u16 status, const char *extra)
{
	struct khttpd_reply *r = &conn->reply;

	r->status = status;
	r->size = strlen(reason(status)) + 1;
	head(conn, "text/plain", extra);
	if (conn->parser.method != METHOD_HEAD)
		r->head_len += scnprintf(conn->out + r->head_len, sizeof(conn->out) - r->head_len,
					 "%s\n", reason(status));
}

/* read_file - up to want bytes from the file's beginning; their number, or an error */
static ssize_t read_file(struct file *file, char *to, size_t want)
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

/* load - the paper's way: the whole file into memory, for each request anew */
static u16 load(struct khttpd_reply *r, struct file *file)
{
	ssize_t n;

	if (r->size > MAX_RW_COUNT)
		return 503;
	/* Failing is an answer; killing a process for the memory is none. */
	r->body = kvmalloc(max_t(u64, r->size, 1), GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN);
	if (!r->body)
		return 503;
	n = read_file(file, r->body, r->size);
	if (n < 0)
		return 500;
	r->size = r->left = n; /* what was there to be read is what is sent */
	return 200;
}

/* answer_file - open and announce the file at path; 200, or an error status */
static u16 answer_file(struct khttpd_conn *conn, const char *path)
{
	struct khttpd_reply *r = &conn->reply;
	bool body = conn->parser.method == METHOD_GET;
	u16 status = khttpd_file_open(path, &r->file, &r->size);

	if (status != 200)
		return status;
	r->status = 200;
	if (khttpd_opt.read_whole) {
		status = load(r, r->file);
		if (status != 200)
			return status;
		__fput_sync(r->file);
		r->file = NULL;
	}
	r->left = body ? r->size : 0;
	r->tail = body && khttpd_opt.bad_framing ? 2 : 0;
	head(conn, content_type(path), "");

	/* A small file is copied behind the header: one send, and no reference. */
	if (body && r->file && !khttpd_opt.split_send &&
	    r->size <= sizeof(conn->out) - r->head_len) {
		ssize_t n = read_file(r->file, conn->out + r->head_len, r->size);

		if (n < 0)
			return 500;
		if (n < r->size) { /* it shrank since it was announced */
			r->size = n;
			head(conn, content_type(path), "");
			n = read_file(r->file, conn->out + r->head_len, r->size);
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

/* answer - answer a well-formed GET or HEAD; returns the status */
static u16 answer(struct khttpd_conn *conn, char *path, int len, u32 room)
{
	u16 status;

	if (khttpd_opt.log_requests)
		pr_info("requested_url = %*pE\n", len, path);
	if (path[len - 1] == '/') {
		if (len + sizeof(INDEX) > room)
			return 404;
		memcpy(path + len, INDEX, sizeof(INDEX));
		status = answer_file(conn, path);
		return status == 301 ? 404 : status;
	}
	return answer_file(conn, path);
}

/**
 * khttpd_reply - make the answer to the request that was just read
 * @conn: the connection
 *
 * The request's target is changed in the input buffer. There is always an
 * answer: what cannot be had is said.
 */
void khttpd_reply(struct khttpd_conn *conn)
{
	struct khttpd_parser *p = &conn->parser;
	struct khttpd_reply *r = &conn->reply;
	char *target = conn->in + conn->in_start + p->target;
	u16 status = p->status;
	char extra[300] = "";
	int len;

	memset(r, 0, sizeof(*r));
	r->close = p->close || khttpd_opt.close_each;
	/* A body that is long, or that the client may not send, is not waited for. */
	if (p->has_length && (p->length > KHTTPD_SKIP_MAX || p->expect))
		r->close = true;

	if (!status) {
		len = khttpd_path(target, p->target_len);
		/* The rest of the header, already read, is room for "index.html". */
		status = len < 0 ? 400 : answer(conn, target, len, p->line - p->target);
	}
	if (status == 200)
		goto ready;
	khttpd_reply_free(r);
	r->head_sent = r->tail = 0;
	r->left = 0;
	if (status == 301) {
		if (len < 200 && plain(target))
			snprintf(extra, sizeof(extra), "Location: %s/\r\n", target);
		else
			status = 404;
	}
	if (status == 405)
		strscpy(extra, "Allow: GET, HEAD\r\n", sizeof(extra));
	say(conn, status, extra);
ready:
	trace_khttpd_ready(conn->port, conn->request_offset, r->size, r->status);
}

/* khttpd_reply_free - give back what an answer holds */
void khttpd_reply_free(struct khttpd_reply *reply)
{
	kvfree(reply->body);
	reply->body = NULL;
	if (reply->file)
		__fput_sync(reply->file);
	reply->file = NULL;
}
