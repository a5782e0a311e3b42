// SPDX-License-Identifier: Apache-2.0

// Package tcpip is the server side of TCP over IPv4 and Ethernet, run to
// completion: a frame goes in, the application is asked, and the frames that
// answer it come out, all in one call on one thread. There is no lock, no
// goroutine, no clock read and, once a connection exists, no allocation.
//
// The package does no input or output. Whoever owns the wire (a DPDK port, a
// packet socket, a test) gives each received frame to [Stack.Input], calls
// [Stack.Flush] after each burst and [Stack.Advance] now and then, and provides
// a [Link] to send on. So the whole stack also runs in process, over a wire in
// memory that loses, doubles, reorders and damages what it carries.
//
// One direction is in each file, and each rule names the section that it comes
// from: TCP is RFC 9293 with the timer of RFC 6298, the congestion control of
// RFC 5681 and 6582, selective acknowledgements of RFC 2018 and 6675, window
// scale and timestamps of RFC 7323, the defences of RFC 5961 and 6528, SYN
// cookies as in RFC 4987 section 3.6, and path MTU discovery of RFC 1191 with the
// checks of RFC 5927; below it ARP (RFC 826), IPv4 (RFC 791, 1122) and ICMP
// echo (RFC 792).
//
// What is left out, and why: the stack only answers, so it opens no connection
// and asks for no address by ARP: frames go back to where they came from. It
// does not put IP fragments together, since TCP segments that fit the path are
// not fragmented; it drops them. Urgent data is read as ordinary data (RFC
// 6093). There is one listening port and no IPv6.
package tcpip
