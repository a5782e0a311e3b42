// SPDX-License-Identifier: Apache-2.0

// Package http1 is an HTTP/1.1 server without any input or output: bytes of
// requests in, bytes of responses out. Whoever owns the connection (a loop
// over epoll, a TCP stack of one's own) hands it what has arrived and sends
// what it returns, so the same HTTP code can be measured on different stacks.
//
// It serves a [Site], a document tree that is held in memory, to GET and HEAD
// requests, keeps connections alive, takes pipelined requests, and does not
// care where the stream is cut: a [Stream] keeps what was learned from the
// part of a request that is here. Nothing is allocated for a request; the head
// of each response is made once a second, when its Date changes.
//
// The rules are those of RFC 9110 (semantics), RFC 9112 (HTTP/1.1) and RFC
// 3986 (targets). Where a rule leaves a choice, the stricter one is taken:
// what could be read in two ways is answered with 400 and the connection is
// closed, since a reader before or behind may have read it the other way.
package http1
