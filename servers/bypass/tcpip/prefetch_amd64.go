// SPDX-License-Identifier: Apache-2.0

package tcpip

// prefetch asks for the first hotLines of the first n connections and does not
// wait for them, as reading a byte of each line would.
//
//go:noescape
func prefetch(conns *[64]*Conn, n int)

var _ = [1]struct{}{}[hotCacheLines-4] // prefetch_amd64.s asks for four
