// SPDX-License-Identifier: Apache-2.0

// Package tcpip is the server side of TCP over IPv4 and Ethernet, run to
// completion: a frame goes in, the application is called, and the frames of its
// response come out, all in one call on one thread. There is no lock, no
// goroutine, no clock read and, once a connection exists, no allocation.
//
// The package does no input or output. The owner of the wire (a DPDK port, a
// packet socket, a test) passes each received frame to [Stack.Input], calls
// [Stack.Flush] after each burst and [Stack.Advance] before it, and provides a
// [Link] to send on. So the whole stack also runs in process, over a wire in
// memory that loses, duplicates, reorders and corrupts frames.
//
// Each rule names the section that it comes from:
//
//   - TCP is RFC 9293, with timestamps, PAWS and the peer's window scale of RFC
//     7323, the defences of RFC 5961 and 6528, and SYN cookies (RFC 4987 section
//     3.6).
//   - Congestion control is CUBIC (RFC 9438) or Reno (RFC 5681, with the byte
//     counting of RFC 3465), from an initial window of ten segments (RFC 6928).
//   - Loss is detected by SACK (RFC 2018, 6675), by time and by probes (RACK-TLP,
//     RFC 8985), without SACK by NewReno (RFC 6582) with limited transmit (RFC
//     3042), and at last by the timer of RFC 6298. The window shrinks by
//     proportional rate reduction (RFC 9937).
//   - A needless retransmission is recognized by the Eifel algorithm (RFC 3522,
//     4015) and by D-SACK (RFC 2883, 3708), its reduction is undone, and the
//     reordering that caused it raises DupThresh.
//   - Path MTU discovery is RFC 1191 with the checks of RFC 5927. Below are ARP
//     (RFC 826), IPv4 (RFC 791, 1122) and ICMP echo (RFC 792).
//
// The packet scripts in testdata/scripts hold the stack to one rule each, and
// TestMusts maps the MUSTs of RFC 9293 to them.
//
// What is left out, and why: the stack only responds, so it opens no connection
// and resolves no address by ARP: frames go back to where they came from. IP
// fragments are dropped, since TCP segments that fit the path are not fragmented.
// Urgent data are ordinary data (RFC 6093). Our own window is 32 KiB, which needs
// no scale: requests are short. There are no ECN, no pacing, no PLPMTUD, one
// listening port and no IPv6.
package tcpip
