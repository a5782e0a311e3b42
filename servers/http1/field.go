// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// field parses one field line, RFC 9112 section 5, and reports whether it is
// valid. Fields that do not affect the response are ignored if they are valid.
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
	return validValue(value) && q.known(name, value)
}

// known applies a field that affects the response and reports whether its value
// is valid.
func (q *request) known(name, value []byte) bool {
	switch len(name) {
	case len("host"):
		if is(name, "host") {
			return q.host(value)
		}
	case len("expect"):
		if is(name, "expect") && hasOption(value, "100-continue") {
			q.flags |= expectsContinue
		}
	case len("if-match"):
		if is(name, "if-match") && string(value) != "*" {
			q.flags |= ifMatchFails // there is no entity tag that could match
		}
	case len("connection"):
		if is(name, "connection") {
			if hasOption(value, "close") {
				q.flags |= wantsClose
			}
			if hasOption(value, "keep-alive") {
				q.flags |= wantsKeepAlive
			}
		}
	case len("if-none-match"):
		if is(name, "if-none-match") && string(value) == "*" {
			q.flags |= ifNoneMatchFails
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

// trim removes optional white space at both ends.
func trim(v []byte) []byte {
	for len(v) > 0 && (v[0] == ' ' || v[0] == '\t') {
		v = v[1:]
	}
	for len(v) > 0 && (v[len(v)-1] == ' ' || v[len(v)-1] == '\t') {
		v = v[:len(v)-1]
	}
	return v
}

// host checks RFC 9112 section 3.2: exactly one Host field, with a valid value.
// It may be empty, when the target has no authority.
func (q *request) host(v []byte) bool {
	if q.flags&hasHost != 0 {
		return false
	}
	q.flags |= hasHost
	return len(v) == 0 || authority(v)
}

// hasOption reports whether a list (RFC 9110 section 5.6.1) holds the lower-case
// word, in any case.
func hasOption(v []byte, word string) bool {
	for len(v) > 0 {
		option := v
		if i := bytes.IndexByte(v, ','); i >= 0 {
			option, v = v[:i], v[i+1:]
		} else {
			v = nil
		}
		if is(trim(option), word) {
			return true
		}
	}
	return false
}

// contentLength checks RFC 9112 section 6.3: digits, and the same in each field.
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
	if q.flags&hasLength != 0 && n != q.length {
		return false
	}
	q.flags |= hasLength
	q.length = n
	return true
}

// transferEncoding accepts chunked, once. Any other coding would have to be
// decoded to find its end (RFC 9112 section 6.1 suggests 501; here it is a bad
// request, since no client that wants a file sends it in good faith).
func (q *request) transferEncoding(v []byte) bool {
	if q.flags&isChunked != 0 || !is(v, "chunked") {
		return false
	}
	q.flags |= isChunked
	return true
}
