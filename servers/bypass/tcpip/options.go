package tcpip

// synOptions is what a SYN says, RFC 9293 section 3.2, RFC 7323 and RFC 2018.
type synOptions struct {
	mss    uint16
	scale  uint8
	scaled bool
	sacks  bool
	stamps bool
	value  uint32 // TSval
}

// defaultMSS is what a peer takes that does not say: RFC 9293 section 3.7.1.
const defaultMSS = 536

// readSyn reads the options of a SYN. What is malformed ends the list.
func readSyn(o []byte) (q synOptions) {
	q.mss = defaultMSS
	eachOption(o, func(kind byte, v []byte) {
		switch {
		case kind == 2 && len(v) == 2:
			q.mss = be16(v)
		case kind == 3 && len(v) == 1:
			q.scale, q.scaled = v[0], true
		case kind == 4 && len(v) == 0:
			q.sacks = true
		case kind == 8 && len(v) == 8:
			q.stamps, q.value = true, be32(v)
		}
	})
	return q
}

// segmentOptions is what later segments say.
type segmentOptions struct {
	stamps      bool
	value, echo uint32
	sacks       [4]span
	nsacks      int
}

func readSegment(o []byte) (q segmentOptions) {
	eachOption(o, func(kind byte, v []byte) {
		switch {
		case kind == 8 && len(v) == 8:
			q.stamps, q.value, q.echo = true, be32(v), be32(v[4:])
		case kind == 5 && len(v)%8 == 0:
			for q.nsacks = 0; len(v) >= 8 && q.nsacks < len(q.sacks); v = v[8:] {
				q.sacks[q.nsacks] = span{be32(v), be32(v[4:])}
				q.nsacks++
			}
		}
	})
	return q
}

func eachOption(o []byte, each func(kind byte, value []byte)) {
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
