// SPDX-License-Identifier: Apache-2.0

// Package http1 is a sans-I/O HTTP/1.1 server: bytes of requests in, bytes of
// responses out. The owner of the connection (an epoll loop, a TCP stack of its
// own) passes what it has received and sends what is returned, so the same HTTP
// code can be measured on different stacks.
//
// It serves a [Site], a document tree held in memory, to GET and HEAD requests,
// keeps connections alive and supports pipelining. The result does not depend on
// how the stream is segmented: a [Stream] keeps the state of an incomplete
// request, and no byte is parsed twice. A request allocates nothing; the header
// section of each response is formatted once a second, when its Date changes.
//
// The rules are those of RFC 9110 (semantics), RFC 9112 (HTTP/1.1) and RFC 3986
// (targets). Where a rule leaves a choice, the stricter one is taken: a request
// that can be read in two ways is answered with 400 and the connection is closed,
// since another recipient in the chain may have read it the other way.
package http1
