// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// field reads one field line, RFC 9112 section 5, and tells whether it is
// sound. Names that do not bear on the answer are passed over, once they are
// known to be names.
func (q *request) field(line []byte) bool {
	n := 0
	for n < len(line) && class[line[n]]&token != 0 {
		n++
	}
	// No name, no colon, or white space before either: section 5.1 and, for
	// folded lines, 5.2.
	if n == 0 || n == len(line) || line[n] != ':' {
		return false
	}
	name, value := line[:n], trim(line[n+1:])
	return clean(value) && q.known(name, value)
}

// known takes the fields that bear on the answer.
func (q *request) known(name, value []byte) bool {
	switch len(name) {
	case len("host"):
		if is(name, "host") {
			return q.host(value)
		}
	case len("expect"):
		if is(name, "expect") && is(value, "100-continue") {
			q.said |= saidExpect
		}
	case len("connection"):
		if is(name, "connection") {
			q.connection(value)
		}
	case len("content-length"):
		if is(name, "content-length") {
			return q.contentLength(value)
		}
	case len("transfer-encoding"):
		if is(name, "transfer-encoding") {
			return q.transferEncoding(value)
		}
	}
	return true
}

// trim takes the optional white space off both ends.
func trim(v []byte) []byte {
	for len(v) > 0 && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v
}

// host: exactly one, and it must be a host; RFC 9112 section 3.2. It may be
// empty, when the target has no authority.
func (q *request) host(v []byte) bool {
	if q.said&saidHost != 0 {
		return false
	}
	q.said |= saidHost
	return all(v, host)
}

// connection: a list of options, RFC 9110 section 7.6.1.
func (q *request) connection(v []byte) {
	for len(v) > 0 {
		option := v
		if i := bytes.IndexByte(v, ','); i >= 0 {
			option, v = v[:i], v[i+1:]
		} else {
			v = nil
		}
		switch option = trim(option); {
		case is(option, "close"):
			q.said |= saidClose
		case is(option, "keep-alive"):
			q.said |= saidKeepAlive
		}
	}
}

// contentLength: digits, and the same in each such field; RFC 9112 section 6.3.
func (q *request) contentLength(v []byte) bool {
	if len(v) == 0 || len(v) > 18 {
		return false
	}
	var n int64
	for _, x := range v {
		if x < '0' || x > '9' {
			return false
		}
		n = n*10 + int64(x-'0')
	}
	if q.said&saidLength != 0 && n != q.length {
		return false
	}
	q.said |= saidLength
	q.length = n
	return true
}

// transferEncoding: only chunked, once; any other coding would have to be
// undone to find its end (RFC 9112 section 6.1 asks for 501; as it is never
// sent in honesty by a client that wants a file, it is a bad request here).
func (q *request) transferEncoding(v []byte) bool {
	if q.said&saidChunked != 0 || !is(v, "chunked") {
		return false
	}
	q.said |= saidChunked
	return true
}
