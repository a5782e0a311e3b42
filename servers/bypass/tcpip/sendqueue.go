// SPDX-License-Identifier: Apache-2.0

package tcpip

// sndQueueLen is the number of pieces that the send queue of a connection holds.
const sndQueueLen = 16

// maxQueued is the number of queued bytes from which on the app has to wait.
const maxQueued = 1 << 30

// A piece is a part of the send queue.
type piece struct {
	data []byte
	sum  uint64 // of data, unfolded; 0: not known
}

// CanSend reports whether Send may be called, twice.
func (c *Conn) CanSend() bool {
	return c.queueTail < sndQueueLen-1 && c.sndQueued < maxQueued && !c.appClosed
}

// Send queues bytes, which must not change any more: they are sent and
// retransmitted from where they are. Only call it if CanSend.
func (c *Conn) Send(b []byte) { c.enqueue(piece{data: b}) }

// SendSummed is Send for bytes whose checksum.Sum(b, 0) is known.
func (c *Conn) SendSummed(b []byte, sum uint64) { c.enqueue(piece{b, sum}) }

func (c *Conn) enqueue(p piece) {
	if len(p.data) == 0 || c.finQueued {
		return
	}
	c.sndQueue[c.queueTail] = p
	c.queueTail++
	c.sndQueued += len(p.data)
}

// releaseAcked removes n acknowledged bytes from the queue.
func (c *Conn) releaseAcked(n int) {
	c.sndQueued -= n
	c.sndOffset += n
	for c.queueHead < c.queueTail && c.sndOffset >= len(c.sndQueue[c.queueHead].data) {
		c.sndOffset -= len(c.sndQueue[c.queueHead].data)
		c.sndQueue[c.queueHead].data = nil
		c.queueHead++
	}
	switch {
	case c.queueHead == c.queueTail:
		c.queueHead, c.queueTail = 0, 0
	case c.queueTail == sndQueueLen && c.queueHead > 0:
		n := copy(c.sndQueue[:], c.sndQueue[c.queueHead:])
		clear(c.sndQueue[n:])
		c.queueHead, c.queueTail = 0, uint8(n)
	}
}

// gather copies queued bytes, from skip bytes after SND.UNA on, into b.
func (c *Conn) gather(b []byte, skip int) {
	skip += c.sndOffset
	for i := c.queueHead; len(b) > 0; i++ {
		d := c.sndQueue[i].data
		if skip >= len(d) {
			skip -= len(d)
			continue
		}
		b = b[copy(b, d[skip:]):]
		skip = 0
	}
}
