/* SPDX-License-Identifier: Apache-2.0 */

// A port's queue pair as Go sees it: descriptor tables in C memory, so that no
// pointer to Go memory ever crosses, and one crossing per poll.
#include <stdint.h>

// Frames received at once: with more, both ends of a fast wire wait for each other in turn.
#define BURST 32
#define BATCH 256 // frames that wait to be sent

struct frame {
	void *data;
	uint32_t len;
	uint32_t good; // received: checksums verified by the port
};

struct queue {
	struct frame rx[BURST];
	struct frame tx[BATCH + 1]; // one more: the buffer of the next
	uint64_t tsc;		    // of the last poll
	uint64_t sent_at;	    // tsc just before the last frames were sent
	uint64_t polls, full, dropped;
	unsigned buffer_size;
	int ntx; // frames that the port did not take yet
	int nrx;
	uint16_t port, id;
	int offload; // fill in checksums of TCP segments
	int verify;  // the port verifies checksums
	struct rte_mempool *pool;
	struct rte_mbuf *rxm[BURST], *txm[BATCH + 1];
};

struct port {
	uint8_t mac[6];
	uint16_t id, queues, mtu;
	int offload, verify, pci;
	unsigned buffers, buffer_size; // per queue, and of each
	uint64_t hz;
	struct rte_mempool *pool[16];
	unsigned held; // buffers per pool that are never used
	char what[160];
};

int port_open(struct port *p, const char *name, uint16_t queues, int contiguous);
int port_close(struct port *p);
struct queue *queue_open(struct port *p, uint16_t id);
void queue_close(struct queue *q);
int queue_poll(struct queue *q, int ntx, uint64_t spin);
void queue_flush(struct queue *q, int ntx);
int port_link_up(struct port *p);
unsigned port_buffers(struct port *p, unsigned *total);
int port_stats(struct port *p, uint64_t out[6]);
