// SPDX-License-Identifier: GPL-2.0-only
/* Counters and tracepoints. */
#include <linux/debugfs.h>
#include <linux/seq_file.h>

#include "khttpd.h"

#define CREATE_TRACE_POINTS
#include "trace.h"

DEFINE_PER_CPU(struct khttpd_stats, khttpd_stats);

static struct dentry *khttpd_debugfs_dir;

static const char *const khttpd_counter_names[] = {
#define X(name) [KHTTPD_##name] = #name,
	KHTTPD_COUNTERS(X)
#undef X
};

static int khttpd_counters_show(struct seq_file *m, void *unused)
{
	int i, cpu;

	for (i = 0; i < KHTTPD_NR_COUNTERS; i++) {
		u64 sum = 0;

		for_each_possible_cpu(cpu)
			sum += per_cpu(khttpd_stats, cpu).value[i];
		seq_printf(m, "%s %llu\n", khttpd_counter_names[i], sum);
	}
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(khttpd_counters);

/* khttpd_stats_init - create the debugfs file; the server works without debugfs, too */
void khttpd_stats_init(void)
{
	khttpd_debugfs_dir = debugfs_create_dir("khttpd", NULL);
	debugfs_create_file("counters", 0444, khttpd_debugfs_dir, NULL, &khttpd_counters_fops);
}

void khttpd_stats_exit(void)
{
	debugfs_remove(khttpd_debugfs_dir);
}
