// SPDX-License-Identifier: Apache-2.0

//go:build dpdk && lwip

#include <stdlib.h>
#include <string.h>
#include "lwip/etharp.h"
#include "lwip/init.h"
#include "lwip/netif.h"
#include "lwip/tcp.h"
#include "lwip/timeouts.h"
#include "netif/ethernet.h"
#include "../port/shim.h"
#include "glue.h"

// A part is one answer on its way into lwIP's send buffer.
struct part {
	struct part *next;
	const uint8_t *body;
	uint64_t left;
	uint32_t head_len, closes;
	uint8_t head[];
};

struct conn {
	struct tcp_pcb *pcb; // NULL: free
	struct part *first, **last;
	uint32_t next_free, dirty, fresh; // fresh: no event yet
};

static struct glue glue;
static struct queue *queue;
static int (*poll_queue)(struct queue *, int, uint64_t);
static void (*flush_queue)(struct queue *, int);
static int ntx;
static uint64_t hz, timers;
static struct netif netif;
static struct conn conns[MEMP_NUM_TCP_PCB];
static uint32_t free_conn;
static struct pbuf *held[EVENTS]; // of the events
static uint32_t dirty[MEMP_NUM_TCP_PCB], ndirty;

u32_t sys_now(void)
{
	return queue ? (u32_t)(queue->tsc / (hz / 1000)) : 0;
}

static err_t output(struct netif *n, struct pbuf *p)
{
	(void)n;
	if (ntx == BATCH) {
		flush_queue(queue, ntx);
		ntx = 0;
	}
	queue->tx[ntx].len = pbuf_copy_partial(p, queue->tx[ntx].data, 2048, 0);
	ntx++;
	return ERR_OK;
}

static err_t start(struct netif *n)
{
	n->name[0] = 'd', n->name[1] = 'p';
	n->mtu = 1500;
	n->hwaddr_len = 6;
	n->flags = NETIF_FLAG_BROADCAST | NETIF_FLAG_ETHARP | NETIF_FLAG_ETHERNET |
		   NETIF_FLAG_LINK_UP | NETIF_FLAG_UP;
	n->output = etharp_output;
	n->linkoutput = output;
	return ERR_OK;
}

static void event(struct conn *c, const void *data, uint32_t len, struct pbuf *p)
{
	held[glue.nevents] = p;
	glue.events[glue.nevents++] = (struct event){ c - conns, len, data, c->fresh };
	c->fresh = 0;
}

static void release(struct conn *c)
{
	for (struct part *p; (p = c->first);) {
		c->first = p->next;
		free(p);
	}
	c->pcb = NULL;
	c->next_free = free_conn;
	free_conn = c - conns;
	glue.conns--;
}

// write_some moves what fits from a connection's answers to lwIP.
static void write_some(struct conn *c)
{
	for (struct part *p; (p = c->first);) {
		if (p->head_len) {
			if (tcp_sndbuf(c->pcb) < p->head_len ||
			    tcp_write(c->pcb, p->head, p->head_len,
				      TCP_WRITE_FLAG_COPY | (p->left ? TCP_WRITE_FLAG_MORE : 0)) !=
				    ERR_OK)
				return;
			p->head_len = 0;
		}
		while (p->left) {
			uint64_t n = LWIP_MIN(p->left, LWIP_MIN(tcp_sndbuf(c->pcb),
								0xffff / TCP_MSS * TCP_MSS));
			if (n == 0 || tcp_write(c->pcb, p->body, n,
						n < p->left ? TCP_WRITE_FLAG_MORE : 0) != ERR_OK)
				return;
			p->body += n;
			p->left -= n;
		}
		if (p->closes) {
			struct tcp_pcb *pcb = c->pcb;
			tcp_arg(pcb, NULL);
			tcp_recv(pcb, NULL);
			tcp_sent(pcb, NULL);
			tcp_err(pcb, NULL);
			if (tcp_close(pcb) != ERR_OK)
				tcp_abort(pcb);
			release(c);
			return;
		}
		c->first = p->next;
		if (!c->first)
			c->last = &c->first;
		free(p);
	}
}

static err_t on_sent(void *arg, struct tcp_pcb *pcb, u16_t len)
{
	(void)pcb, (void)len;
	write_some(arg);
	return ERR_OK;
}

static void on_error(void *arg, err_t e)
{
	(void)e;
	release(arg); // lwIP has freed the pcb; Go learns of it by the next event of the number
}

static err_t on_recv(void *arg, struct tcp_pcb *pcb, struct pbuf *p, err_t e)
{
	struct conn *c = arg;
	(void)pcb, (void)e;
	if (!p) { // the peer's end: close when all is answered
		if (glue.nevents == EVENTS)
			return ERR_MEM;
		event(c, NULL, 0, NULL);
		return ERR_OK;
	}
	if (glue.nevents + pbuf_clen(p) > EVENTS)
		return ERR_MEM; // lwIP will offer it again
	for (struct pbuf *q = p; q; q = q->next)
		event(c, q->payload, q->len, q == p ? p : NULL);
	return ERR_OK;
}

static err_t on_accept(void *arg, struct tcp_pcb *pcb, err_t e)
{
	(void)arg;
	if (e != ERR_OK || !pcb || free_conn == UINT32_MAX) {
		glue.refused++;
		return ERR_MEM;
	}
	struct conn *c = &conns[free_conn];
	free_conn = c->next_free;
	c->pcb = pcb;
	c->fresh = 1;
	c->first = NULL;
	c->last = &c->first;
	glue.conns++;
	tcp_arg(pcb, c);
	tcp_recv(pcb, on_recv);
	tcp_sent(pcb, on_sent);
	tcp_err(pcb, on_error);
	tcp_nagle_disable(pcb);
	return ERR_OK;
}

struct glue *glue_open(void *q, void *poll, void *flush, uint64_t ticks, const uint8_t mac[6],
		       const uint8_t ip[4], uint16_t port)
{
	ip4_addr_t addr, mask, gateway;
	queue = q, poll_queue = poll, flush_queue = flush, hz = ticks;
	lwip_init();
	IP4_ADDR(&addr, ip[0], ip[1], ip[2], ip[3]);
	IP4_ADDR(&mask, 255, 255, 255, 0);
	IP4_ADDR(&gateway, 0, 0, 0, 0);
	netif_add(&netif, &addr, &mask, &gateway, NULL, start, ethernet_input);
	memcpy(netif.hwaddr, mac, 6);
	netif_set_default(&netif);
	for (uint32_t i = 0; i < MEMP_NUM_TCP_PCB; i++)
		conns[i].next_free = i + 1 < MEMP_NUM_TCP_PCB ? i + 1 : UINT32_MAX;
	struct tcp_pcb *l = tcp_new();
	if (!l || tcp_bind(l, IP_ADDR_ANY, port) != ERR_OK || !(l = tcp_listen(l)))
		return NULL;
	tcp_accept(l, on_accept);
	return &glue;
}

// answer queues what Go has answered.
static void answer(const struct answer *a)
{
	struct conn *c = &conns[a->conn];
	if (!c->pcb)
		return;
	struct part *p = malloc(sizeof *p + a->head_len);
	if (!p)
		return;
	*p = (struct part){
		.body = a->body, .left = a->body_len, .head_len = a->head_len, .closes = a->closes
	};
	memcpy(p->head, glue.heads + a->head_at, a->head_len);
	*c->last = p;
	c->last = &p->next;
	if (!c->dirty) {
		c->dirty = 1;
		dirty[ndirty++] = a->conn;
	}
}

void glue_answer(struct glue *g)
{
	for (uint32_t i = 0; i < g->nanswers; i++)
		answer(&g->answers[i]);
	g->nanswers = g->nheads = 0;
}

void glue_step(struct glue *g, uint64_t spin)
{
	glue_answer(g);
	// Go has read the last events; their bytes count as received now.
	for (uint32_t i = 0; i < g->nevents; i++) {
		struct tcp_pcb *pcb = conns[g->events[i].conn].pcb;
		if (pcb && g->events[i].len)
			tcp_recved(pcb, g->events[i].len);
		if (held[i])
			pbuf_free(held[i]);
	}
	g->nevents = 0;
	for (uint32_t i = 0; i < ndirty; i++) {
		struct conn *c = &conns[dirty[i]];
		c->dirty = 0;
		if (!c->pcb)
			continue;
		struct tcp_pcb *pcb = c->pcb;
		write_some(c);
		if (c->pcb)
			tcp_output(pcb);
	}
	ndirty = 0;
	int n = poll_queue(queue, ntx, spin);
	ntx = queue->ntx;
	for (int i = 0; i < n; i++) {
		struct pbuf *p = pbuf_alloc(PBUF_RAW, queue->rx[i].len, PBUF_POOL);
		if (!p)
			continue;
		pbuf_take(p, queue->rx[i].data, queue->rx[i].len);
		if (netif.input(p, &netif) != ERR_OK)
			pbuf_free(p);
	}
	if (queue->tsc - timers > hz / 1000) {
		timers = queue->tsc;
		sys_check_timeouts();
	}
}
