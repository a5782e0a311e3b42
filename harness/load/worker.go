// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sys/unix"
)

// A job is what the parent tells a worker, as one line of JSON on its standard
// input. The record is file 3.
type job struct {
	Target      netip.AddrPort
	Request     []byte
	Connections int
	First, Step int32 // numbers of its connections: First, First+Step, …
	Total       int32 // connections of all workers
	Mode        Mode
	Spin        time.Duration
	WarmUp      time.Duration
	Duration    time.Duration
	Timeout     time.Duration
	Scheduled   int // rows with a given time; 0: closed loop
	Status      int
	BodyLen     int64
	CPU         int // -1: any
	Stamps      bool
	Jitter      time.Duration

	parent int
}

// A report is what a worker tells its parent at the end, as one line of JSON.
type report struct {
	Error      string // the run failed
	Begun      int    // rows
	Next       int    // open loop: scheduled rows from here on were not sent
	Opened     int
	Reconnects int
	Completed  int64
	Full       bool // the rows did not suffice
	EndNs      int64
	Usage      usage
	Jitter     Histogram
	Transmit   Histogram // from the send to its stamp, of the sampled ones
	Lateness   Histogram // of sends for which a connection was free
	Bad        []byte    // start of the first response that was not as demanded
	StalledNs  int64     // how long the loop stood still in the measured part, in pieces of over a millisecond
	OffsetNs   int64     // change of CLOCK_REALTIME against CLOCK_MONOTONIC meanwhile

	state phase
}

type phase uint8

const (
	warming phase = iota
	measuring
	draining
)

// Worker is the body of a worker process: the command that Run starts ends in it.
// It takes a job from standard input, opens the connections, says so on standard
// output, runs when told to, and reports.
func Worker() error {
	signal.Ignore(unix.SIGINT, unix.SIGPIPE) // the terminal's Ctrl-C is the parent's to handle
	signal.Reset(unix.SIGTERM)
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	in, out := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	var r report
	if err := work(in, out, &r); err != nil {
		return out.Encode(report{Error: err.Error()})
	}
	return out.Encode(&r)
}

func work(in *bufio.Reader, out *json.Encoder, r *report) error {
	var j job
	if err := readLine(in, &j); err != nil {
		return err
	}
	j.parent = os.Getppid()
	if j.CPU >= 0 {
		if err := pin(j.CPU); err != nil {
			return err
		}
	}
	// Without this the kernel may delay each wake-up by 50 µs (prctl(2)).
	unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
	rec, err := openRecord(os.NewFile(3, "load rows"), unix.MAP_POPULATE)
	if err != nil {
		return err
	}
	l, err := newLoop(&j, rec)
	if err != nil {
		return err
	}
	l.report.Lateness, l.report.Transmit = NewHistogram(), NewHistogram()
	if j.Jitter > 0 {
		l.report.Jitter = Jitter(j.Jitter)
	}
	if err := l.connectAll(); err != nil {
		return err
	}
	l.report.Opened = len(l.conns)
	if err := out.Encode(report{Opened: len(l.conns)}); err != nil {
		return err
	}
	if err := readLine(in, &l.origin); err != nil {
		return err
	}
	l.measure = l.origin + int64(j.WarmUp)
	l.end = l.measure + int64(j.Duration)
	l.last = l.end + int64(j.Timeout)
	time.Sleep(time.Duration(l.origin - now()))
	l.run()
	if l.report.state != draining { // stopped early
		l.report.EndNs = l.t - l.origin
		if l.report.state == measuring {
			l.report.Usage = cpuUsage().sub(l.before)
		}
	}
	l.report.Begun, l.report.Next, l.report.Reconnects = l.begun, l.next, int(l.dialled)
	if l.stamps != nil {
		l.report.OffsetNs = realOffset() - l.stamps.offset
	}
	*r = l.report
	return nil
}

func readLine(in *bufio.Reader, v any) error {
	line, err := in.ReadBytes('\n')
	if errors.Is(err, io.EOF) {
		return errors.New("the parent went away")
	}
	if err != nil {
		return err
	}
	return json.Unmarshal(line, v)
}

// orphaned reports whether the process that started this one is gone.
func orphaned(parent int) bool {
	pid, _, _ := unix.RawSyscall(unix.SYS_GETPPID, 0, 0, 0)
	return int(pid) != parent
}

func newLoop(j *job, rec *record) (*loop, error) {
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("epoll: %w", err)
	}
	l := &loop{
		job:    j,
		record: rec,
		to:     newSockaddr(j.Target),
		ep:     int32(ep),
		events: make([]unix.EpollEvent, min(j.Connections, 256)+1),
		buf:    make([]byte, 128<<10),
		memory: memory{text: make([]byte, 0, 1024)},
		conns:  make([]conn, j.Connections),
		free:   newRing(j.Connections),
		begun:  j.Scheduled,
		pwait2: hasPwait2(int32(ep)),
		report: report{Bad: make([]byte, 0, 400)},
	}
	if j.Stamps {
		l.stamps = newStamps()
	}
	for i := range l.conns {
		c := &l.conns[i]
		c.slot, c.fd = int32(i), -1
		c.reader.split = make([]byte, 0, maxHead)
	}
	return l, nil
}

// connectAll opens the connections one after the other, so that no server's
// accept queue overflows.
func (l *loop) connectAll() error {
	for i := range l.conns {
		c := &l.conns[i]
		fd, e := dial(&l.to)
		if e == 0 {
			p := []unix.PollFd{{Fd: fd, Events: unix.POLLOUT}}
			for e = unix.EINTR; e == unix.EINTR; {
				n, err := unix.Poll(p, int(max(l.Timeout, time.Second).Milliseconds()))
				e, _ = err.(unix.Errno)
				if err == nil && n == 0 {
					e = unix.ETIMEDOUT
				}
			}
			if e == 0 {
				e = socketError(fd)
			}
		}
		if e == 0 {
			e = epollWatch(l.ep, fd, c.slot)
		}
		if e != 0 {
			return fmt.Errorf("connection %d of %d to %v: %w (is the server listening there?)", i+1, len(l.conns), l.Target, e)
		}
		c.fd = fd
		l.adopt(c, l.First+int32(i)*l.Step)
	}
	return nil
}

// Jitter reads the clock for the time d and counts the gaps between readings that
// are longer than a microsecond, some thirty readings' time: this CPU did
// something else meanwhile (an interrupt, another task, the hypervisor's other
// guests), and no latency below them can be told from noise.
func Jitter(d time.Duration) Histogram {
	h := NewHistogram()
	t := now()
	for end := t + int64(d); t < end; {
		u := now()
		if u-t > 1000 {
			h.Add(u - t)
		}
		t = u
	}
	return h
}
