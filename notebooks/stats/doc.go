// SPDX-License-Identifier: Apache-2.0

// Package stats holds the project's statistics: quantiles, intervals over runs,
// the bootstrap, trends, comparisons in blocks, knees, queues, quantile
// regression and wrk's correction. Each function names its source, states what it
// assumes, and is tested against an independent implementation (values.py in the
// folder of the notebooks computes the values).
//
// The unit of replication is the run. Requests of one run depend on each other
// so strongly that intervals over requests cover the truth far less often than
// they claim.
package stats
