// SPDX-License-Identifier: Apache-2.0

package tcpip

// synOptions are the options of a SYN: RFC 9293 section 3.2, RFC 7323, RFC 2018.
type synOptions struct {
	mss            uint16
	windowScale    uint8
	hasWindowScale bool
	sackPermitted  bool
	hasTimestamps  bool
	tsVal          uint32 // TSval
}

// defaultMSS is the MSS of a peer that does not send one: RFC 9293 section 3.7.1.
const defaultMSS = 536

// parseSYNOptions parses the options of a SYN up to the first malformed one.
func parseSYNOptions(o []byte) (q synOptions) {
	q.mss = defaultMSS
	forEachOption(o, func(kind byte, v []byte) {
		switch {
		case kind == 2 && len(v) == 2:
			q.mss = be16(v)
		case kind == 3 && len(v) == 1:
			q.windowScale, q.hasWindowScale = v[0], true
		case kind == 4 && len(v) == 0:
			q.sackPermitted = true
		case kind == 8 && len(v) == 8:
			q.hasTimestamps, q.tsVal = true, be32(v)
		}
	})
	return q
}

// segmentOptions are the options of other segments.
type segmentOptions struct {
	hasTimestamps bool
	tsVal, tsEcr  uint32
	sacks         [4]seqRange
	sackCount     int
}

// parseSegmentOptions parses options up to the first malformed one.
func parseSegmentOptions(o []byte) (q segmentOptions) {
	forEachOption(o, func(kind byte, v []byte) {
		switch {
		case kind == 8 && len(v) == 8:
			q.hasTimestamps, q.tsVal, q.tsEcr = true, be32(v), be32(v[4:])
		case kind == 5 && len(v)%8 == 0:
			for q.sackCount = 0; len(v) >= 8 && q.sackCount < len(q.sacks); v = v[8:] {
				q.sacks[q.sackCount] = seqRange{be32(v), be32(v[4:])}
				q.sackCount++
			}
		}
	})
	return q
}

// forEachOption calls each with the options but no-operations.
func forEachOption(o []byte, each func(kind byte, value []byte)) {
	for len(o) > 0 && o[0] != 0 {
		if o[0] == 1 {
			o = o[1:]
			continue
		}
		if len(o) < 2 || o[1] < 2 || int(o[1]) > len(o) {
			return
		}
		each(o[0], o[2:o[1]])
		o = o[o[1]:]
	}
}
