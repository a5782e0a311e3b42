// SPDX-License-Identifier: Apache-2.0

package http1

// Classes of bytes, as bits of class.
const (
	token  = 1 << iota // tchar, RFC 9110 section 5.6.2
	target             // not encoded in a path, RFC 3986 section 3.3
	host               // reg-name and IPv4address but for pct-encoded, RFC 3986 section 3.2.2
	hex                // HEXDIG, RFC 5234
)

var class = func() (t [256]uint8) {
	mark := func(bit uint8, chars string) {
		for i := range len(chars) {
			t[chars[i]] |= bit
		}
	}
	const alnum = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	mark(token, alnum+"!#$%&'*+-.^_`|~")
	mark(target, alnum+"-._~!$&'()*+,;=:@/")
	mark(host, alnum+"-._~!$&'()*+;=")
	mark(hex, "0123456789ABCDEFabcdef")
	return
}()

// all reports whether every byte of b is of the class.
func all(b []byte, c uint8) bool {
	for _, x := range b {
		if class[x]&c == 0 {
			return false
		}
	}
	return true
}

// validValue reports whether b may be a field value: it has no control
// characters but the tab, RFC 9110 section 5.5.
func validValue(b []byte) bool {
	for i := control(b, 0); i < len(b); i = control(b, i+1) {
		if b[i] != '\t' {
			return false
		}
	}
	return true
}

// is reports whether b is the lower-case word, in any case.
func is(b []byte, word string) bool {
	if len(b) != len(word) {
		return false
	}
	for i := range len(b) {
		x := b[i]
		if 'A' <= x && x <= 'Z' {
			x |= 0x20
		}
		if x != word[i] {
			return false
		}
	}
	return true
}

func unhex(x byte) byte {
	if x <= '9' {
		return x - '0'
	}
	return x&^0x20 - 'A' + 10
}
