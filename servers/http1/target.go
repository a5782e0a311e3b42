// SPDX-License-Identifier: Apache-2.0

package http1

import "bytes"

// target returns the decoded path of a request target (RFC 9112 section 3.2),
// which is part of the target or of the server's path buffer. Dot segments are
// not removed: no document has such a name, so they are not found.
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
	for end < len(t) && t[end] != '/' && t[end] != '?' {
		end++
	}
	switch {
	case end == start || t[start] == ':' || !authority(t[start:end]): // RFC 9110 section 4.2.1: a host
		return nil, false
	case end == len(t):
		return []byte{'/'}[:1:1], true
	case t[end] == '?':
		return []byte{'/'}, validQuery(t[end:])
	}
	return t[end:], true
}

// authority reports whether b is uri-host [ ":" port ], RFC 3986 section 3.2.
// Userinfo is not allowed (RFC 9110 section 4.2.4), nor is a future version of
// IP-literal.
func authority(b []byte) bool {
	i := 0
	if len(b) > 0 && b[0] == '[' {
		for i = 1; i < len(b) && (class[b[i]]&hex != 0 || b[i] == ':' || b[i] == '.'); i++ {
		}
		if i == 1 || i == len(b) || b[i] != ']' {
			return false
		}
		i++
	} else {
		for ; i < len(b) && b[i] != ':'; i++ {
			if b[i] == '%' {
				if len(b)-i < 3 || class[b[i+1]]&class[b[i+2]]&hex == 0 {
					return false
				}
				i += 2
			} else if class[b[i]]&host == 0 {
				return false
			}
		}
	}
	if i < len(b) {
		if b[i] != ':' {
			return false
		}
		for i++; i < len(b) && '0' <= b[i] && b[i] <= '9'; i++ {
		}
	}
	return i == len(b)
}

// decode copies a path from its first byte that does not stand for itself: it
// decodes percent-encoding and removes the query.
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
		default: // a space, a control character, or not in RFC 3986
			return nil, false
		}
		s.path[n] = x
		n++
	}
	return s.path[:n], true
}

// validQuery reports whether q may be a query. It is laxer than RFC 3986, since
// browsers do not encode some delimiters.
func validQuery(q []byte) bool {
	for _, x := range q {
		if x <= ' ' || x >= 0x7f || x == '#' {
			return false
		}
	}
	return true
}
