// SPDX-License-Identifier: Apache-2.0

package tcpip

import "slices"

// maxReassembly bounds the ranges in the reassembly queue: a segment that would
// start another is dropped.
const maxReassembly = 8

// processData processes the data and the FIN of an acceptable segment: the
// seventh and eighth step of RFC 9293 section 3.10.7.4.
func (s *Stack) processData(c *Conn, g *segment) {
	switch c.state {
	case established, finWait1, finWait2:
	default: // nothing follows the peer's FIN
		return
	}
	data, seq := g.data, g.seq
	isFin := g.flags&fin != 0
	if len(data) == 0 && !isFin {
		return
	}
	c.ackPending = true // of duplicates, too
	if old := c.rcvNxt - seq; int32(old) > 0 {
		c.reportDuplicate(g)
		if old > uint32(len(data)) || old == uint32(len(data)) && !isFin {
			return
		}
		data, seq = data[old:], c.rcvNxt
	}
	if limit := receiveBuffer - c.rcvBuffered - int(seq-c.rcvNxt); len(data) > limit {
		data, isFin = data[:max(limit, 0)], false
	}
	c.lastProgress = s.now
	if isFin && !c.rcvFinQueued {
		c.rcvFinQueued, c.rcvFinSeq = true, seq+uint32(len(data))
	}
	if seq != c.rcvNxt {
		s.queueOutOfOrder(c, seq, data)
		s.sendAck(c) // each is a duplicate ACK of its own: RFC 5681 section 4.2
		return
	}
	if len(data) > 0 {
		s.deliver(c, data)
	}
	if c.state != closed && c.rcvFinQueued && c.rcvNxt == c.rcvFinSeq {
		s.processFin(c)
	}
}

// processFin processes the peer's FIN.
func (s *Stack) processFin(c *Conn) {
	c.rcvFinQueued = false
	c.rcvNxt++
	c.ackPending = true
	switch c.state {
	case established:
		c.state = closeWait
	case finWait1: // our FIN is not acknowledged, or processAck had changed the state
		c.state = closing
	case finWait2:
		s.sendAck(c)
		s.enterTimeWait(c)
	default:
	}
}

// deliver passes data that start at RCV.NXT to the app, and what the app does
// not consume to the receive buffer. What does not fit is not acknowledged.
func (s *Stack) deliver(c *Conn, data []byte) {
	c.ackPending = true
	if c.appClosed {
		c.rcvNxt += uint32(len(data))
		return
	}
	if !c.hasRcvBuf {
		n := s.app.Data(c, data)
		if n == len(data) || c.appClosed {
			c.rcvNxt += uint32(len(data))
			return
		}
		c.rcvNxt += uint32(n)
		data = data[n:]
	} else {
		c.appRetry = true
	}
	if !s.ensureRcvBuf(c, c.rcvBuffered+len(data)) {
		return
	}
	copy(c.rcvBuf[c.rcvBuffered:], data)
	c.rcvBuffered += len(data)
	c.rcvNxt += uint32(len(data))
	c.mergeReassembly()
	c.updateRcvWnd()
}

// deliverBuffered passes the receive buffer to the app again.
func (s *Stack) deliverBuffered(c *Conn) {
	c.appRetry = false
	if c.rcvBuffered > 0 && c.CanSend() {
		n := s.app.Data(c, c.rcvBuf[:c.rcvBuffered])
		if n > 0 {
			end := c.rcvBuffered
			if c.reassemblyLen > 0 {
				end += int(c.reassembly[c.reassemblyLen-1].to - c.rcvNxt)
			}
			copy(c.rcvBuf, c.rcvBuf[n:end])
			c.rcvBuffered -= n
			c.unreadSince = s.now
		}
	}
	if c.appClosed || c.rcvBuffered == 0 && c.reassemblyLen == 0 {
		s.freeRcvBuf(c)
	}
	c.updateRcvWnd()
}

// queueOutOfOrder adds data beyond RCV.NXT to the reassembly queue, as RFC 9293
// section 3.10.7.4 permits; RFC 2018 reports them to the peer.
func (s *Stack) queueOutOfOrder(c *Conn, seq uint32, data []byte) {
	if len(data) == 0 || c.appClosed {
		return
	}
	at := c.rcvBuffered + int(seq-c.rcvNxt)
	if !s.ensureRcvBuf(c, at+len(data)) {
		return
	}
	for _, r := range c.reassembly[:c.reassemblyLen] {
		if r.contains(seq) && !before(r.to, seq+uint32(len(data))) {
			c.hasDuplicate, c.duplicate = true, seqRange{seq, seq + uint32(len(data))}
		}
	}
	n, ok := addRange(c.reassembly[:], c.reassemblyLen, seqRange{seq, seq + uint32(len(data))})
	if !ok {
		s.Stats.RcvBufFull++
		return
	}
	c.reassemblyLen = n
	c.noteRecent(seq)
	s.Stats.OutOfOrder++
	copy(c.rcvBuf[at:], data)
}

// noteRecent puts the range that seq is in before the others.
func (c *Conn) noteRecent(seq uint32) {
	var recent [len(c.recentRanges)]uint32
	recent[0] = seq
	n := 1
	extended := c.rangeOf(seq)
	for _, other := range c.recentRanges {
		if n < len(recent) && c.rangeOf(other) != extended {
			recent[n] = other
			n++
		}
	}
	for ; n < len(recent); n++ {
		recent[n] = seq
	}
	c.recentRanges = recent
}

// rangeOf returns the index of the range in the reassembly queue that contains
// seq, or -1.
func (c *Conn) rangeOf(seq uint32) int {
	return slices.IndexFunc(c.reassembly[:c.reassemblyLen], func(r seqRange) bool { return r.contains(seq) })
}

// mergeReassembly moves RCV.NXT over the ranges that it has reached.
func (c *Conn) mergeReassembly() {
	i := 0
	for ; i < c.reassemblyLen && !before(c.rcvNxt, c.reassembly[i].from); i++ {
		if n := c.reassembly[i].to - c.rcvNxt; int32(n) > 0 {
			c.rcvNxt += n
			c.rcvBuffered += int(n)
		}
	}
	c.reassemblyLen = copy(c.reassembly[:], c.reassembly[i:c.reassemblyLen])
}

// reportDuplicate lets the next ACK report data before RCV.NXT that were
// received again: RFC 2883 section 4.
func (c *Conn) reportDuplicate(g *segment) {
	to := g.seq + uint32(len(g.data))
	if before(c.rcvNxt, to) {
		to = c.rcvNxt
	}
	if before(g.seq, to) && c.rcvNxt-g.seq < 1<<20 {
		c.hasDuplicate, c.duplicate = true, seqRange{g.seq, to}
	}
}
