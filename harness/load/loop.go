// SPDX-License-Identifier: Apache-2.0

package load

import (
	"crossing/data/dataset"

	"golang.org/x/sys/unix"
)

// A conn is one of the worker's connections. When it breaks, it is opened again
// in the same slot under a new number.
type conn struct {
	row    *dataset.Request // the outstanding request, or one to send again; nil: none
	last   *dataset.Request // the one before
	sent   int64            // bytes sent on this connection
	since  int64            // down: when to dial; connecting: when dialled
	slot   int32
	number int32
	fd     int32
	port   uint16
	state  state
	served bool // it has brought a whole response
	fresh  bool // no byte of the outstanding response has come
	queued bool // it stands in the queue of the free
	asked  bool // a transmit stamp of the outstanding request is under way
	reader reader
}

type state uint8

const (
	down state = iota
	connecting
	up
)

const (
	ms         = 1_000_000
	longest    = 100 * ms // one wait, so that a dead server cannot hold the loop
	redialWait = 10 * ms  // after a connection was refused
)

// A loop drives all connections of a worker by one thread. Its times are
// CLOCK_MONOTONIC; the rows hold them less the origin.
//
// After the first moment it allocates nothing: rows, buffers and connections
// are all there, and it makes only raw system calls (see sys.go and hold).
type loop struct {
	*job
	*record
	to     sockaddr
	ep     int32
	events []unix.EpollEvent
	buf    []byte // of every read: responses are parsed in place and dropped
	memory memory
	conns  []conn
	pwait2 bool    // epoll_pwait2 works
	free   ring    // open loop: connections without a request
	stamps *stamps // nil: none are asked for

	origin, measure, end int64 // start, end of the warm-up, end
	last                 int64 // when the requests that are overdue at the end are given up
	t                    int64 // the clock when last read
	heard                int64 // when something was last received
	tick, scan           int64 // when to look around next: a little, and at every connection
	begun                int   // rows begun
	next                 int   // open loop: the first scheduled row that is not sent
	dialled              int32 // connections opened after the first ones
	outstanding          int   // connections with a row
	broken               int   // connections not up
	before               usage // at the end of the warm-up
	report               report
}

// run drives the load from the origin until the last response is in.
func (l *loop) run() {
	hold()
	defer release()
	l.t = now()
	l.heard = l.t
	for i := range l.conns {
		l.proceed(&l.conns[i])
	}
	for l.t < l.tick || l.look() {
		if l.open() {
			l.dispatch()
		}
		for _, e := range l.events[:l.wait()] {
			l.handle(&l.conns[e.Fd], e.Events)
		}
	}
	l.publish()
}

// clock reads the clock. Where nothing is waited for, a gap since the last look of
// over a millisecond is the client's own standstill.
func (l *loop) clock() { l.awake(l.t) }

// awake reads the clock when the loop was to be awake by the time due.
func (l *loop) awake(due int64) {
	l.t = now()
	if late := l.t - due; late > ms && l.report.state == measuring {
		l.report.StalledNs += min(late, l.t-l.measure)
	}
}

func (l *loop) open() bool { return l.Scheduled > 0 }

// look does what need not be done at once, once per millisecond. It reports
// whether the run continues.
func (l *loop) look() bool {
	l.tick = l.t + ms
	l.publish()
	if l.report.state == warming && l.t >= l.measure {
		l.report.state, l.before = measuring, cpuUsage()
	}
	if l.report.state == measuring && l.t >= l.end {
		l.report.state, l.report.Usage = draining, cpuUsage().sub(l.before)
		l.report.EndNs = l.t - l.origin
	}
	if l.t >= l.scan || l.broken > 0 {
		l.scan = l.t + 10*ms
		if l.stop.Load() != 0 || orphaned(l.parent) {
			return false
		}
		for i := range l.conns {
			l.attend(&l.conns[i])
		}
	}
	if l.t < l.end {
		return true
	}
	return l.outstanding > 0 || l.more()
}

// attend ends the wait of a connection that has waited for too long.
func (l *loop) attend(c *conn) {
	var since int64
	switch {
	case c.state == down:
		if c.since <= l.t && (l.t < l.end || c.row != nil || l.more()) {
			l.dial(c)
		}
		return
	case c.state == connecting:
		since = c.since
	case c.row != nil:
		since = c.row.SentNs + l.origin
	default:
		return
	}
	if l.t-since < int64(l.Timeout) {
		return
	}
	if c.state == connecting {
		l.refused(c)
		return
	}
	// The response may have come while this client stood still: then it is an
	// answer, however late.
	row := c.row
	if l.receive(c, false); c.state == up && c.row == row {
		l.fail(c, dataset.Timeout)
	}
}

func (l *loop) publish() {
	l.used.Store(int64(l.begun))
	l.done.Store(l.report.Completed)
}

// wait waits in the way of the mode until something happens, the next request
// is due or it is time to look around. It returns the number of events.
func (l *loop) wait() int {
	if l.Mode == Hybrid || l.Mode == Spin {
		if len(l.conns) == 1 && l.broken == 0 {
			l.receive(&l.conns[0], false) // a read that fails costs less than asking first
		} else if n, _ := epollWait(l.ep, l.events, 0); n > 0 {
			return n
		} else {
			l.clock()
		}
		if l.Mode == Spin || l.t-l.heard < int64(l.Spin) {
			return 0
		}
	}
	due := l.deadline()
	pause := due - l.t
	n := 0
	switch l.Mode {
	case Hybrid:
		if pause -= int64(l.Spin); pause > 0 {
			n, _ = l.sleep(pause)
		}
	case Tick:
		n, _ = epollWait(l.ep, l.events, int(max(0, pause+ms-1)/ms))
	default:
		n, _ = l.sleep(max(0, pause))
	}
	l.awake(due)
	return max(n, 0) // an interrupted wait is an empty one
}

// sleep waits at most ns nanoseconds, to the nanosecond where the kernel has
// epoll_pwait2; elsewhere it sleeps the whole milliseconds and, if there are
// none, not at all, so that it is never late.
func (l *loop) sleep(ns int64) (int, unix.Errno) {
	if l.pwait2 {
		return epollWaitNs(l.ep, l.events, ns)
	}
	return epollWait(l.ep, l.events, int(ns/ms))
}

// deadline is when the loop must be awake even if nothing comes.
func (l *loop) deadline() int64 {
	until := l.t + longest
	switch {
	case l.broken > 0 || l.report.state == draining:
		until = l.t + ms
	case l.report.state == warming:
		until = min(until, l.measure)
	default:
		until = min(until, l.end)
	}
	if l.more() && !l.free.empty() {
		until = min(until, l.due())
	}
	return until
}

// more reports whether an open loop has requests to send. Those that are overdue
// at the end are still sent for a while, so that the long waits, too, are known.
func (l *loop) more() bool { return l.next < l.Scheduled && l.t < l.last }

// due is when the next scheduled request is.
func (l *loop) due() int64 { return l.origin + l.rows[l.next].IntendedNs }

// dispatch sends what is due while a connection is free.
func (l *loop) dispatch() {
	for l.more() && !l.free.empty() {
		if l.clock(); l.t < l.due() {
			return
		}
		c := &l.conns[l.free.pop()]
		c.queued = false
		if c.state != up || c.row != nil {
			continue // it broke, or was given a request, while it stood there
		}
		l.report.Lateness.Add(l.t - l.due())
		l.request(c, l.scheduled())
	}
}

// scheduled takes the next request of the schedule.
func (l *loop) scheduled() *dataset.Request {
	l.next++
	return &l.rows[l.next-1]
}

// newRow takes an unused row; nil if none is left.
func (l *loop) newRow() *dataset.Request {
	if l.begun == len(l.rows) {
		l.report.Full = true
		return nil
	}
	l.begun++
	return &l.rows[l.begun-1]
}

// proceed gives a connection that is up its next request, if there is one.
func (l *loop) proceed(c *conn) {
	switch {
	case c.row != nil: // shed by the connection before
		l.outstanding--
		l.request(c, c.row)
	case l.more() && l.free.empty() && l.due() <= l.t:
		l.request(c, l.scheduled())
	case l.open():
		if !c.queued {
			c.queued = true
			l.free.push(c.slot)
		}
	case l.t < l.end:
		row := l.newRow()
		if row == nil {
			l.end = l.t // a closed loop ends early when its rows are full
			return
		}
		l.request(c, row)
	}
}

// request sends a request.
func (l *loop) request(c *conn, row *dataset.Request) {
	row.Offset, row.Conn, row.Port = c.sent, c.number, c.port
	c.row, c.fresh = row, true
	l.outstanding++
	t := now()
	row.SentNs = t - l.origin
	if !l.open() && row.IntendedNs == 0 {
		row.IntendedNs, row.WarmUp = row.SentNs, t < l.measure
	}
	var n int
	var e unix.Errno
	if l.stamps == nil {
		n, e = send(c.fd, l.Request)
	} else {
		n, e, c.asked = l.stamps.send(c.fd, l.Request)
	}
	c.sent += int64(max(n, 0))
	if n != len(l.Request) {
		l.t = now()
		l.lost(c, kind(e))
	}
}

// kind is the failure of a request that could not be sent.
func kind(e unix.Errno) dataset.Failure {
	if e == unix.ECONNRESET {
		return dataset.Reset
	}
	return dataset.Closed
}

// handle takes an event of one connection.
func (l *loop) handle(c *conn, events uint32) {
	const over = unix.EPOLLHUP | unix.EPOLLRDHUP // not EPOLLERR: that may be a time stamp, and an error shows when reading
	switch c.state {
	case up:
		l.receive(c, events&over != 0)
	case connecting:
		if socketError(c.fd) != 0 {
			l.refused(c)
		} else if events&unix.EPOLLOUT != 0 {
			l.connected(c)
			if events&unix.EPOLLIN != 0 {
				l.receive(c, true)
			}
		}
	}
}

// receive reads what has come. Over says that the peer has closed, so that
// reading continues to the end.
func (l *loop) receive(c *conn, over bool) {
	for {
		n, e := l.recv(c.fd)
		l.clock()
		switch {
		case e == unix.EAGAIN || e == unix.EINTR:
			return
		case e != 0:
			l.lost(c, dataset.Reset)
			return
		case n == 0:
			l.ended(c)
			return
		}
		l.heard = l.t
		if c.row == nil {
			l.surplus(c)
			return
		}
		if c.fresh {
			c.fresh, c.row.FirstByteNs = false, l.t-l.origin
		}
		used, v := c.reader.read(l.buf[:n], &l.memory)
		switch v {
		case malformed:
			l.keepBad(l.buf[:n])
			l.fail(c, dataset.Malformed)
			return
		case whole:
			row := c.row
			l.finish(c, over, used < n)
			if row.Failure != dataset.None {
				l.keepBad(l.buf[:n])
			}
			if c.state != up {
				return
			}
		}
		if n < len(l.buf) && !over {
			return // a short read leaves nothing behind
		}
	}
}

// keepBad keeps the start of the first response that was not as demanded, or of
// its last piece.
func (l *loop) keepBad(b []byte) {
	if len(l.report.Bad) == 0 {
		l.report.Bad = append(l.report.Bad, b[:min(len(b), cap(l.report.Bad))]...)
	}
}

func (l *loop) recv(fd int32) (int, unix.Errno) {
	if l.stamps != nil {
		return l.stamps.recv(fd, l.buf)
	}
	return recv(fd, l.buf)
}

// finish records a whole response and sends the next request.
func (l *loop) finish(c *conn, over, surplus bool) {
	row, h := c.row, &c.reader.head
	row.LastByteNs = l.t - l.origin
	row.Bytes, row.Status = c.reader.bytes, h.status
	switch {
	case int(h.status) != l.Status:
		row.Failure = dataset.Status
	case l.BodyLen >= 0 && row.Bytes != l.BodyLen:
		row.Failure = dataset.Length
	case surplus:
		row.Failure = dataset.Surplus
	}
	if l.stamps != nil {
		row.StampNs = l.stamps.of(row, l.origin)
		if c.asked {
			if t := l.stamps.transmitted(c.fd); t != 0 {
				l.report.Transmit.Add(t - l.origin - row.SentNs)
			}
		}
	}
	l.completed(c)
	if c.served = true; over || surplus || h.last {
		l.reopen(c)
	} else {
		l.proceed(c)
	}
}

// completed takes the row, in which all is written, off its connection.
func (l *loop) completed(c *conn) {
	c.last, c.row = c.row, nil
	l.outstanding--
	l.report.Completed++
}

// fail records a request that got no whole response. Its connection is of no
// more use.
func (l *loop) fail(c *conn, f dataset.Failure) {
	l.mark(c.row, f, c.fresh)
	c.row.Bytes = c.reader.partial()
	l.completed(c)
	l.reopen(c)
}

func (l *loop) mark(row *dataset.Request, f dataset.Failure, fresh bool) {
	row.Failure, row.LastByteNs = f, l.t-l.origin
	if fresh {
		row.FirstByteNs = row.LastByteNs
	}
}

// ended takes the peer's orderly close.
func (l *loop) ended(c *conn) {
	if c.row != nil && c.reader.end() == whole {
		l.finish(c, true, false)
		return
	}
	l.lost(c, dataset.Closed)
}

// lost takes the loss of a connection. A server may close a kept-alive
// connection at any time; if it does so under a request without having answered
// a byte, the request is sent again (RFC 9112 section 9.3.1), once, since a new
// connection has served nothing yet.
func (l *loop) lost(c *conn, f dataset.Failure) {
	switch {
	case c.row == nil:
		l.reopen(c)
	case c.served && c.fresh:
		if row := l.newRow(); row != nil {
			*row = *c.row
			l.mark(row, dataset.Shed, true)
		}
		c.row.SentNs = 0
		l.reopen(c)
	default:
		l.fail(c, f)
	}
}

// surplus takes bytes that came when none were asked for: they belong to the
// response before.
func (l *loop) surplus(c *conn) {
	if c.last != nil && c.last.Failure == dataset.None {
		c.last.Failure = dataset.Surplus
	}
	l.reopen(c)
}

// reopen closes a connection and opens it again.
func (l *loop) reopen(c *conn) {
	closeFD(c.fd)
	c.state, c.since = down, l.t
	l.broken++
	if l.t < l.end || c.row != nil || l.more() {
		l.dial(c)
	}
}

func (l *loop) dial(c *conn) {
	fd, e := dial(&l.to)
	if e == 0 {
		e = epollWatch(l.ep, fd, c.slot)
	}
	c.fd, c.since = fd, l.t
	if e != 0 {
		l.refused(c)
		return
	}
	c.state = connecting
}

// refused records that a connection could not be opened, and waits before the
// next attempt. The failure is that of a request: the one to be sent again, the
// next of the schedule, or in a closed loop the one that would have been sent.
func (l *loop) refused(c *conn) {
	if c.fd >= 0 {
		closeFD(c.fd)
	}
	row := c.row
	switch {
	case row != nil:
		l.outstanding--
	case !l.open() && l.t < l.end:
		if row = l.newRow(); row != nil {
			row.IntendedNs, row.WarmUp = max(1, c.since-l.origin), c.since < l.measure
		}
	case l.more() && l.due() <= l.t:
		row = l.scheduled()
	}
	if row != nil {
		row.SentNs = max(c.since-l.origin, row.IntendedNs)
		row.Conn, row.Port, row.Offset = c.number, 0, 0
		l.mark(row, dataset.Refused, true)
		l.report.Completed++
	}
	c.row, c.state, c.since = nil, down, l.t+redialWait
}

// connected begins the life of a connection.
func (l *loop) connected(c *conn) {
	l.adopt(c, l.Total+l.First+l.dialled*l.Step)
	l.dialled++
	l.broken--
	l.proceed(c)
}

func (l *loop) adopt(c *conn, number int32) {
	c.state, c.number, c.port = up, number, localPort(c.fd)
	c.sent, c.served, c.last = 0, false, nil
	c.reader.reset()
	if l.stamps != nil {
		l.stamps.enable(c.fd)
	}
}

// A ring is a queue of connection slots, each at most once in it.
type ring struct {
	slots      []int32 // its length is a power of two
	head, tail uint32
}

func newRing(n int) ring {
	size := 1
	for size < n {
		size *= 2
	}
	return ring{slots: make([]int32, size)}
}

func (r *ring) empty() bool { return r.head == r.tail }

func (r *ring) push(slot int32) {
	r.slots[r.tail&uint32(len(r.slots)-1)] = slot
	r.tail++
}

func (r *ring) pop() int32 {
	r.head++
	return r.slots[(r.head-1)&uint32(len(r.slots)-1)]
}
