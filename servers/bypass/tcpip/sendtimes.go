// SPDX-License-Identifier: Apache-2.0

package tcpip

// sendTimes is when the data in flight were sent first, as RFC 8985 (RACK) needs
// it: marks in the order of sequence numbers, and so of time. A connection has
// them only while it has more than a segment in flight.
type sendTimes struct {
	marks       [48]sendMark
	first, size int
}

// A sendMark states that what follows seq, up to the next mark, was sent at that
// time or a little later.
type sendMark struct {
	seq uint32
	at  int64
}

// marksPerRTT bounds the error of a mark, and with it the number of marks that the
// flight of one round trip needs.
const marksPerRTT = 32

func (t *sendTimes) mark(i int) *sendMark { return &t.marks[(t.first+i)%len(t.marks)] }

// noteSent records that new data from seq on are being sent.
func (s *Stack) noteSent(c *Conn, seq uint32) {
	if !c.hasSendTimes {
		c.hasSendTimes = true
		if n := len(s.freeSendTimes); n > 0 {
			c.sendTimes, s.freeSendTimes = s.freeSendTimes[n-1], s.freeSendTimes[:n-1]
			c.sendTimes.first = 0
		} else {
			c.sendTimes = new(sendTimes)
		}
		c.sendTimes.marks[0], c.sendTimes.size = sendMark{c.sndUna, c.lastDataSent}, 1
	}
	t := c.sendTimes
	if s.now-t.mark(t.size-1).at <= c.srtt/marksPerRTT {
		return
	}
	if t.size == len(t.marks) {
		t.first, t.size = (t.first+1)%len(t.marks), t.size-1
	}
	*t.mark(t.size) = sendMark{seq, s.now}
	t.size++
}

// releaseSendTimes returns the marks of a connection with nothing in flight.
func (s *Stack) releaseSendTimes(c *Conn) {
	if c.hasSendTimes {
		s.freeSendTimes = append(s.freeSendTimes, c.sendTimes)
		c.hasSendTimes, c.sendTimes = false, nil
	}
}

// trim forgets what is only about acknowledged data.
func (t *sendTimes) trim(una uint32) {
	for t.size > 1 && !before(una, t.mark(1).seq) {
		t.first, t.size = (t.first+1)%len(t.marks), t.size-1
	}
}

// of returns when seq was sent.
func (t *sendTimes) of(seq uint32) int64 {
	i := t.size - 1
	for i > 0 && before(seq, t.mark(i).seq) {
		i--
	}
	return t.mark(i).at
}

// after returns the first sequence number that was sent after a time, or end.
func (t *sendTimes) after(at int64, end uint32) uint32 {
	for i := range t.size {
		if m := t.mark(i); m.at > at {
			return m.seq
		}
	}
	return end
}
