/* SPDX-License-Identifier: Apache-2.0 */

// lwIP without threads, for one server under load: what the papers' servers on
// DPDK use, with room for many connections.
#pragma once

#define NO_SYS			  1
#define SYS_LIGHTWEIGHT_PROT	  0
#define LWIP_SOCKET		  0
#define LWIP_NETCONN		  0
#define LWIP_UDP		  0
#define LWIP_ARP		  1
#define ETHARP_TRUST_IP_MAC	  0
#define LWIP_NETIF_TX_SINGLE_PBUF 0

#define MEM_ALIGNMENT		16
#define MEM_LIBC_MALLOC		1
#define MEMP_NUM_TCP_PCB	16384
#define MEMP_NUM_TCP_PCB_LISTEN 2
#define MEMP_NUM_TCP_SEG	65535 // all that its counter holds
#define MEMP_NUM_PBUF		65535
#define PBUF_POOL_SIZE		8192
#define PBUF_POOL_BUFSIZE	1536

#define TCP_MSS		   1460
#define TCP_WND		   32768
#define LWIP_WND_SCALE	   1
#define TCP_RCV_SCALE	   0
#define TCP_SND_BUF	   (256 * 1024)
#define TCP_SND_QUEUELEN   1024
#define TCP_SNDLOWAT	   (16 * 1024)
#define TCP_LISTEN_BACKLOG 0
#define TCP_QUEUE_OOSEQ	   1
#define LWIP_TCP_SACK_OUT  1
#define TCP_OVERSIZE	   TCP_MSS
#define LWIP_TCP_KEEPALIVE 0

#define LWIP_STATS	      0
#define LWIP_CHECKSUM_ON_COPY 1
#define LWIP_CHKSUM_ALGORITHM 3
