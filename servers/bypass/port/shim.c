// SPDX-License-Identifier: Apache-2.0

//go:build dpdk

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_mbuf_pool_ops.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "shim.h"

#define TAIL 64

static int fail(struct port *p, const char *what, int err)
{
	snprintf(p->what, sizeof p->what, "%s: %s", what, rte_strerror(err < 0 ? -err : err));
	return -1;
}

static int by_address(const void *a, const void *b)
{
	const struct rte_mbuf *const *x = a, *const *y = b;
	return *x < *y ? -1 : *x > *y;
}

// hold takes the buffers at the end of the pool's memory out of use, for good:
// net_af_xdp of DPDK 22.11 registers memory that ends before they do, and the
// kernel drops their frames silently.
static int hold(struct port *p, struct rte_mempool *mp)
{
	unsigned n = rte_mempool_avail_count(mp), i;
	struct rte_mbuf **all = calloc(n, sizeof *all);
	if (!all)
		return -1;
	for (i = 0; i < n && (all[i] = rte_pktmbuf_alloc(mp)); i++)
		;
	qsort(all, i, sizeof *all, by_address);
	for (unsigned k = 0; k + TAIL < i; k++)
		rte_pktmbuf_free(all[k]);
	p->held = TAIL;
	free(all);
	return 0;
}

// pool makes a pool of n buffers. Contiguous: without gaps at page boundaries,
// since net_af_xdp does not handle them.
static struct rte_mempool *pool(const char *name, unsigned n, unsigned size, int contiguous)
{
	size += RTE_PKTMBUF_HEADROOM;
	if (!contiguous)
		return rte_pktmbuf_pool_create(name, n, 256, 0, size, SOCKET_ID_ANY);
	struct rte_pktmbuf_pool_private priv = { .mbuf_data_room_size = size };
	struct rte_mempool *mp = rte_mempool_create_empty(name, n, sizeof(struct rte_mbuf) + size,
							  256, sizeof priv, SOCKET_ID_ANY,
							  RTE_MEMPOOL_F_NO_IOVA_CONTIG);
	if (!mp)
		return NULL;
	rte_mempool_set_ops_byname(mp, rte_mbuf_best_mempool_ops(), NULL);
	rte_pktmbuf_pool_init(mp, &priv);
	if (rte_mempool_populate_default(mp) < 0) {
		rte_mempool_free(mp);
		return NULL;
	}
	rte_mempool_obj_iter(mp, rte_pktmbuf_init, NULL);
	return mp;
}

int port_open(struct port *p, const char *name, uint16_t queues, int contiguous)
{
	struct rte_eth_dev_info info;
	struct rte_eth_conf conf = { 0 };
	uint16_t nrx = 1024, ntx = 1024;
	int err;

	if (rte_eth_dev_count_avail() == 0)
		return fail(p, "no port was found", ENODEV);
	RTE_ETH_FOREACH_DEV(p->id)
		break;
	if ((err = rte_eth_dev_info_get(p->id, &info)))
		return fail(p, "asking for its abilities", err);
	if (queues > info.max_rx_queues || queues > info.max_tx_queues) {
		snprintf(p->what, sizeof p->what,
			 "it has %d receive and %d send queues, not %d of each; use fewer cores",
			 info.max_rx_queues, info.max_tx_queues, queues);
		return -1;
	}
	const uint64_t sums = RTE_ETH_TX_OFFLOAD_IPV4_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM;
	// net_tap and net_af_packet compute them in software: no gain over ours.
	if (strncmp(info.driver_name, "net_tap", 7) && (info.tx_offload_capa & sums) == sums) {
		conf.txmode.offloads |= sums;
		p->offload = 1;
	}
	const uint64_t checks = RTE_ETH_RX_OFFLOAD_IPV4_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
	if ((info.rx_offload_capa & checks) == checks) {
		conf.rxmode.offloads |= checks;
		p->verify = 1;
	}
	if (queues > 1 && info.flow_type_rss_offloads) {
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
		conf.rx_adv_conf.rss_conf.rss_hf = info.flow_type_rss_offloads &
						   (RTE_ETH_RSS_IP | RTE_ETH_RSS_TCP);
	}
	if ((err = rte_eth_dev_configure(p->id, queues, queues, &conf)))
		return fail(p, "configuring it", err);
	if ((err = rte_eth_dev_adjust_nb_rx_tx_desc(p->id, &nrx, &ntx)))
		return fail(p, "setting the length of its queues", err);
	p->queues = queues;
	for (uint16_t i = 0; i < queues; i++) {
		char label[32];
		snprintf(label, sizeof label, "frames%d", i);
		if (!(p->pool[i] = pool(label, p->buffers, p->buffer_size, contiguous)))
			return fail(p, "making buffers", rte_errno);
		if (contiguous && hold(p, p->pool[i]))
			return fail(p, "making buffers", ENOMEM);
		struct rte_eth_rxconf rxc = info.default_rxconf;
		struct rte_eth_txconf txc = info.default_txconf;
		rxc.offloads = conf.rxmode.offloads;
		txc.offloads = conf.txmode.offloads;
		// Erratum of the 82576: a virtual function must write back each
		// descriptor by itself. DPDK does so for the physical one only.
		if (!strcmp(info.driver_name, "net_e1000_igb_vf"))
			txc.tx_thresh.wthresh = 1;
		if ((err = rte_eth_rx_queue_setup(p->id, i, nrx, SOCKET_ID_ANY, &rxc, p->pool[i])))
			return fail(p, "setting up a receive queue", err);
		if ((err = rte_eth_tx_queue_setup(p->id, i, ntx, SOCKET_ID_ANY, &txc)))
			return fail(p, "setting up a send queue", err);
	}
	if ((err = rte_eth_dev_start(p->id)))
		return fail(p, "starting it", err);
	rte_eth_promiscuous_enable(p->id); // virtio-user cannot, and need not
	rte_eth_macaddr_get(p->id, (struct rte_ether_addr *)p->mac);
	rte_eth_dev_get_mtu(p->id, &p->mtu);
	p->hz = rte_get_tsc_hz();
	return 0;
}

int port_close(struct port *p)
{
	struct rte_eth_dev_info info = { 0 };
	rte_eth_dev_info_get(p->id, &info);
	int err = rte_eth_dev_stop(p->id);
	int err2 = rte_eth_dev_close(p->id);
	// Closes the vfio device, without which the kernel cannot have it back.
	int err3 = p->pci && info.device ? rte_dev_remove(info.device) : 0;
	return err ? err : err2 ? err2 : err3;
}

static int fill(struct queue *q, int from, int to)
{
	if (from < to && rte_pktmbuf_alloc_bulk(q->pool, q->txm + from, to - from))
		return -1;
	for (int i = from; i < to; i++)
		q->tx[i].data = rte_pktmbuf_mtod(q->txm[i], void *);
	return 0;
}

struct queue *queue_open(struct port *p, uint16_t id)
{
	struct queue *q = calloc(1, sizeof *q);
	if (!q)
		return NULL;
	q->pool = p->pool[id];
	q->port = p->id;
	q->id = id;
	q->offload = p->offload;
	q->verify = p->verify;
	q->buffer_size = p->buffer_size;
	if (fill(q, 0, BATCH + 1)) {
		free(q);
		return NULL;
	}
	return q;
}

void queue_close(struct queue *q)
{
	rte_pktmbuf_free_bulk(q->rxm, q->nrx);
	rte_pktmbuf_free_bulk(q->txm, BATCH + 1);
	// Buffers that were sent come back with a later burst. An empty one takes
	// them out of the completion ring, so that port_buffers counts them.
	for (int i = 0; i < 20; i++) {
		rte_eth_tx_burst(q->port, q->id, q->txm, 0);
		rte_delay_us_block(100);
	}
	free(q);
}

// want_sums asks the port for the checksums of a TCP segment.
static void want_sums(struct rte_mbuf *m)
{
	const uint8_t *f = rte_pktmbuf_mtod(m, const uint8_t *);
	if (f[12] != 8 || f[13] != 0 || f[23] != 6)
		return;
	m->ol_flags |= RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM | RTE_MBUF_F_TX_TCP_CKSUM;
	m->l2_len = 14;
	m->l3_len = 20;
}

// transmit sends the first n frames of the table, as many as the port takes at
// once; if it must, the rest as soon as it takes them, within a bound. It gives
// the places of those sent new buffers and moves the others, and the one
// behind them, which the stack may have begun to fill, to the front.
static void transmit(struct queue *q, int n, int must)
{
	int sent = 0, left;
	uint64_t limit = 0;

	for (int i = q->ntx; i < n; i++) {
		q->txm[i]->data_len = q->txm[i]->pkt_len = q->tx[i].len;
		if (q->offload)
			want_sums(q->txm[i]);
	}
	q->sent_at = rte_rdtsc();
	for (;;) {
		int k = rte_eth_tx_burst(q->port, q->id, q->txm + sent, n - sent);
		sent += k;
		if (sent == n)
			break;
		q->full++;
		if (k)
			continue;
		if (!must)
			break;
		if (!limit)
			limit = rte_rdtsc() + rte_get_tsc_hz() / 500;
		if (rte_rdtsc() > limit) { // the peer is gone: TCP retransmits
			q->dropped += n - sent;
			rte_pktmbuf_free_bulk(q->txm + sent, n - sent);
			sent = n;
			break;
		}
		rte_pause();
	}
	left = n - sent;
	if (sent) {
		memmove(q->txm, q->txm + sent, (left + 1) * sizeof q->txm[0]);
		memmove(q->tx, q->tx + sent, (left + 1) * sizeof q->tx[0]);
		// Buffers come back as the port has sent them. Were all in its
		// queues, sending nothing makes it give back some.
		while (fill(q, left + 1, n + 1))
			rte_eth_tx_done_cleanup(q->port, q->id, 0),
				rte_eth_tx_burst(q->port, q->id, q->txm, 0);
	}
	q->ntx = left;
}

void queue_flush(struct queue *q, int ntx)
{
	transmit(q, ntx, 1);
}

int queue_poll(struct queue *q, int ntx, uint64_t spin)
{
	int n;

	if (q->nrx) {
		rte_pktmbuf_free_bulk(q->rxm, q->nrx);
		q->nrx = 0;
	}
	if (ntx)
		transmit(q, ntx, 0);
	uint64_t end = rte_rdtsc() + (q->ntx ? 0 : spin);
	for (;;) {
		// Received frames cause others: without buffers for those, they wait.
		n = q->ntx > BATCH / 2 ? 0 : rte_eth_rx_burst(q->port, q->id, q->rxm, BURST);
		q->polls++;
		q->tsc = rte_rdtsc();
		if (n || q->tsc >= end)
			break;
		rte_pause();
	}
	for (int i = 0; i < n; i++) {
		struct rte_mbuf *m = q->rxm[i];
		const uint64_t good = RTE_MBUF_F_RX_IP_CKSUM_GOOD | RTE_MBUF_F_RX_L4_CKSUM_GOOD;
		q->rx[i].data = rte_pktmbuf_mtod(m, void *);
		q->rx[i].len = m->nb_segs == 1 ? m->data_len : 0; // longer than the MTU allows
		q->rx[i].good = q->verify && (m->ol_flags & good) == good;
	}
	q->nrx = n;
	return n;
}

int port_link_up(struct port *p)
{
	struct rte_eth_link l;
	return rte_eth_link_get_nowait(p->id, &l) == 0 && l.link_status == RTE_ETH_LINK_UP;
}

unsigned port_buffers(struct port *p, unsigned *total)
{
	unsigned free = 0;
	*total = 0;
	for (int i = 0; i < p->queues; i++) {
		free += rte_mempool_avail_count(p->pool[i]);
		*total += p->pool[i]->size - p->held;
	}
	return free;
}

int port_stats(struct port *p, uint64_t out[6])
{
	struct rte_eth_stats s;
	int err = rte_eth_stats_get(p->id, &s);
	if (err)
		return err;
	out[0] = s.ipackets, out[1] = s.opackets, out[2] = s.imissed;
	out[3] = s.ierrors, out[4] = s.oerrors, out[5] = s.rx_nombuf;
	return 0;
}
