/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The stages of a request. A request is identified by the client's port and the
 * offset of its first byte in the connection's stream, as in the client's own
 * records.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM khttpd

#if !defined(KHTTPD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define KHTTPD_TRACE_H

#include <linux/tracepoint.h>

/* clang-format does not support tracepoints. */
/* clang-format off */

/* A packet arrived: the callback that queues the work. */
TRACE_EVENT(khttpd_wake,
	TP_PROTO(u16 port),
	TP_ARGS(port),
	TP_STRUCT__entry(
		__field(u16, port)
	),
	TP_fast_assign(
		__entry->port = port;
	),
	TP_printk("port=%u", __entry->port)
);

DECLARE_EVENT_CLASS(khttpd_stage,
	TP_PROTO(u16 port, u64 offset, u64 bytes, u16 status),
	TP_ARGS(port, offset, bytes, status),
	TP_STRUCT__entry(
		__field(u64, offset)
		__field(u64, bytes)
		__field(u16, port)
		__field(u16, status)
	),
	TP_fast_assign(
		__entry->offset = offset;
		__entry->bytes = bytes;
		__entry->port = port;
		__entry->status = status;
	),
	TP_printk("port=%u offset=%llu bytes=%llu status=%u", __entry->port,
		  __entry->offset, __entry->bytes, __entry->status)
);

/* Bytes were received from the socket; the offset is that of the first. */
DEFINE_EVENT(khttpd_stage, khttpd_in,
	TP_PROTO(u16 port, u64 offset, u64 bytes, u16 status),
	TP_ARGS(port, offset, bytes, status));

/* The request's header section is complete; bytes is its length. */
DEFINE_EVENT(khttpd_stage, khttpd_parsed,
	TP_PROTO(u16 port, u64 offset, u64 bytes, u16 status),
	TP_ARGS(port, offset, bytes, status));

/* The response is ready to be sent; bytes is the body's length. */
DEFINE_EVENT(khttpd_stage, khttpd_ready,
	TP_PROTO(u16 port, u64 offset, u64 bytes, u16 status),
	TP_ARGS(port, offset, bytes, status));

/* The last byte of the response was handed to the socket. */
DEFINE_EVENT(khttpd_stage, khttpd_sent,
	TP_PROTO(u16 port, u64 offset, u64 bytes, u16 status),
	TP_ARGS(port, offset, bytes, status));

/* clang-format on */

#endif /* KHTTPD_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
