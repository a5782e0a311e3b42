// SPDX-License-Identifier: Apache-2.0

// Package vm runs commands in a virtual machine: a Debian kernel with two
// emulated Intel 82576 ports on one wire, an IOMMU and hugepages, for what the
// machine at hand cannot or must not do (load a kernel module, give a NIC to
// DPDK).
//
// A machine lives for one command. It starts from an image that is built from
// Debian's packages and cached, takes the run's files in its initial file
// system and hands its results back through shared memory. It has no disk and
// no way to the outside, unless it is asked for in real time.
//
// There are two clocks. In [Virtual] time, the default, QEMU runs one guest
// instruction at a time and counts time in instructions (-icount), so the same
// run gives the same bytes on any host under any load. It measures path length
// and mechanism, and knows nothing of caches, of PCIe or of true parallelism.
// In [RealTime] the clock is the host's. The two are never mixed: a result
// carries its clock in its [Identity].
//
// QEMU itself leaves one gap in virtual time. A CPU that halts counts as idle before
// the instructions it has run are accounted; where the host takes the vCPU
// thread off its CPU in that very instant and QEMU's main loop runs meanwhile,
// the loop advances the clock to the next timer from a time that is too early
// (icount_start_warp_timer, accel/tcg/icount-common.c), and all that follows
// shifts. It has been seen once in a dozen runs on a host with several tasks for
// each CPU, never on one with a core to spare. QEMU's own remedy, to record the
// run, is for one CPU only. So collect on a calm core, and where a repetition
// differs on a busy host, repeat it: what depends on the host's time differs again.
package vm
