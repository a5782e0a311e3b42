/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters, shown in debugfs as khttpd/counters, one "name value" per line. */
#ifndef KHTTPD_STATS_H
#define KHTTPD_STATS_H

#include <linux/percpu.h>
#include <linux/types.h>

#define KHTTPD_COUNTERS(X)                                            \
	X(accepted)  /* connections */                                \
	X(refused)   /* connections beyond max_conns, or no memory */ \
	X(released)  /* connections that were freed */                \
	X(timeouts)  /* connections closed for lack of progress */    \
	X(resets)    /* connections that ended with an error */       \
	X(requests)  /* that were responded to */                     \
	X(errors)    /* responses with a status of 400 or more */     \
	X(truncated) /* files that shrank while being sent */         \
	X(bytes_in)                                                   \
	X(bytes_out) /* headers and bodies */                         \
	X(wakeups)   /* socket callbacks that queued work */          \
	X(runs)	     /* work items or steps that ran */               \
	X(full)	     /* sends that met a full socket buffer */

/* clang-format takes the list for one line. */
/* clang-format off */
enum khttpd_counter {
#define X(name) KHTTPD_##name,
	KHTTPD_COUNTERS(X)
#undef X
	KHTTPD_NR_COUNTERS
};
/* clang-format on */

struct khttpd_stats {
	u64 value[KHTTPD_NR_COUNTERS];
};

DECLARE_PER_CPU(struct khttpd_stats, khttpd_stats);

#define khttpd_count(name, n) this_cpu_add(khttpd_stats.value[KHTTPD_##name], n)

void khttpd_stats_init(void);
void khttpd_stats_exit(void);

#endif /* KHTTPD_STATS_H */
