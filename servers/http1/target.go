// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// target returns the decoded path of a request target (RFC 9112 section 3.2),
// in the target itself or in the server's room for paths. Dot segments are not
// resolved: no document has such a name, so they lead nowhere.
func (s *Server) target(t []byte) (path []byte, ok bool) {
	if t[0] != '/' {
		if string(t) == "*" { // asterisk-form, for OPTIONS
			return t, true
		}
		if t, ok = afterAuthority(t); !ok {
			return nil, false
		}
	}
	for i, x := range t {
		if class[x]&target == 0 {
			return s.decode(t, i)
		}
	}
	return t, true
}

// afterAuthority returns the path and query of a target in absolute-form, or
// "/" in place of an empty path.
func afterAuthority(t []byte) ([]byte, bool) {
	start := bytes.IndexByte(t, '/') + 2
	if start > len(t) || !is(t[:start], "http://") && !is(t[:start], "https://") {
		return nil, false
	}
	end := start
	for end < len(t) && class[t[end]]&host != 0 {
		end++
	}
	switch {
	case end == start: // no host: RFC 9110 section 4.2.1
		return nil, false
	case end == len(t):
		return []byte{'/'}[:1:1], true
	case t[end] == '?':
		return []byte{'/'}, validQuery(t[end:])
	case t[end] != '/':
		return nil, false
	}
	return t[end:], true
}

// decode goes on with a path from its first byte that does not stand for
// itself: it resolves percent-encoding and leaves the query out.
func (s *Server) decode(t []byte, i int) ([]byte, bool) {
	n := copy(s.path[:], t[:i])
	for i < len(t) {
		x := t[i]
		switch {
		case class[x]&target != 0:
			i++
		case x == '%':
			if len(t)-i < 3 || class[t[i+1]]&class[t[i+2]]&hex == 0 {
				return nil, false
			}
			if x = unhex(t[i+1])<<4 | unhex(t[i+2]); x == 0 {
				return nil, false
			}
			i += 3
		case x == '?':
			return s.path[:n], validQuery(t[i:])
		default: // a space, a control character, what RFC 3986 does not know
			return nil, false
		}
		s.path[n] = x
		n++
	}
	return s.path[:n], true
}

// validQuery is laxer than RFC 3986: browsers send some delimiters as they are.
func validQuery(q []byte) bool {
	for _, x := range q {
		if x <= ' ' || x >= 0x7f || x == '#' {
			return false
		}
	}
	return true
}
