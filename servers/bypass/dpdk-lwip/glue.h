/* SPDX-License-Identifier: Apache-2.0 */

// lwIP on a port's queue. One call per poll takes answers in and brings events
// out, so that the border between C and Go is crossed once.
#include <stdint.h>

#define EVENTS	2048
#define ANSWERS 4096

// An event is data that a connection has got, or its end (data is NULL).
struct event {
	uint32_t conn, len;
	const void *data;
	uint32_t first; // the number's connection is a new one
};

// An answer is what to send on a connection: head is copied, body must stay.
struct answer {
	uint32_t conn, closes;
	uint32_t head_at, head_len; // in glue.heads
	const void *body;
	uint64_t body_len;
};

struct glue {
	struct event events[EVENTS];
	struct answer answers[ANSWERS];
	uint8_t heads[1 << 20];
	uint32_t nevents, nanswers, nheads;
	uint64_t conns, refused;
};

struct glue *glue_open(void *queue, void *poll, void *flush, uint64_t hz, const uint8_t mac[6],
		       const uint8_t ip[4], uint16_t port);
void glue_answer(struct glue *g);
void glue_step(struct glue *g, uint64_t spin);
