// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"

	"crossing/internal/atomicfile"
)

// Sizes that answer.h also has.
const (
	pathMax    = 64
	answerMax  = 16896
	answerRoom = 16960
)

type answerValue struct {
	Len, _ uint32
	Bytes  [answerRoom]byte
}

// A kernel is the programs and maps in the kernel. They are gone when this
// process is, however it ends: nothing is pinned.
type kernel struct {
	objects answerObjects
	sockops link.Link
	slot    uint32
	served  atomic.Int64 // requests that user space answered
}

// load loads the programs, gives them the answers and attaches them.
func load(port uint16, ready map[string][]byte, group *cgroup) (*kernel, error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, why(err)
	}
	spec, err := loadAnswer()
	if err != nil {
		return nil, err
	}
	tgid, err := ownTGID()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(spec.Variables["listen_port"].Set(port), spec.Variables["server_tgid"].Set(tgid)); err != nil {
		return nil, err
	}
	k := &kernel{}
	if err := spec.LoadAndAssign(&k.objects, nil); err != nil {
		return nil, why(err)
	}
	k.setDate(time.Now())
	for path, answer := range ready {
		var key [pathMax]byte
		copy(key[:], path)
		value := answerValue{Len: uint32(len(answer))}
		copy(value.Bytes[:], answer)
		if err := k.objects.Answers.Put(key, &value); err != nil {
			k.Close()
			return nil, fmt.Errorf("giving the kernel the answer to %s: %w", path, err)
		}
	}
	for _, a := range []struct {
		program *ebpf.Program
		where   ebpf.AttachType
	}{
		{k.objects.Respond, ebpf.AttachSkMsgVerdict},
		{k.objects.Decide, ebpf.AttachSkSKBVerdict},
	} {
		if err := link.RawAttachProgram(link.RawAttachProgramOptions{Target: k.objects.Conns.FD(), Program: a.program, Attach: a.where}); err != nil {
			k.Close()
			return nil, why(fmt.Errorf("attaching %v: %w", a.where, err))
		}
	}
	if k.sockops, err = link.AttachCgroup(link.CgroupOptions{Path: group.path, Program: k.objects.Join, Attach: ebpf.AttachCGroupSockOps}); err != nil {
		k.Close()
		return nil, why(fmt.Errorf("attaching to the cgroup: %w", err))
	}
	return k, nil
}

// Close detaches everything and frees it.
func (k *kernel) Close() {
	if k.sockops != nil {
		_ = k.sockops.Close()
	}
	_ = k.objects.Close()
}

// why says what to do about an error of loading.
func why(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w; loading BPF programs takes root, or CAP_BPF and CAP_NET_ADMIN", err)
	case errors.Is(err, ebpf.ErrNotSupported), errors.Is(err, unix.EINVAL):
		return fmt.Errorf("%w; this tier needs Linux 5.15 or later with CONFIG_BPF_SYSCALL, CONFIG_NET_SOCK_MSG and BTF (/sys/kernel/btf/vmlinux)", err)
	}
	var v *ebpf.VerifierError
	if errors.As(err, &v) {
		return fmt.Errorf("this kernel's verifier refuses the program: %-10v", v)
	}
	return err
}

// ownTGID is this process's ID as the kernel's own namespace counts it. Below
// a PID namespace getpid(2) tells another; /proc tells the right one as long
// as it is the machine's.
func ownTGID() (uint32, error) {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(self, 10, 32)
	return uint32(id), err
}

// setDate makes t the date of the answers from now on.
func (k *kernel) setDate(t time.Time) {
	var dates [2][32]byte
	if err := k.objects.Dates.Get(&dates); err != nil {
		log.Printf("the date: %v", err)
		return
	}
	next := 1 - k.slot
	copy(dates[next][:], t.UTC().Format(http.TimeFormat))
	if err := errors.Join(k.objects.Dates.Set(&dates), k.objects.DateSlot.Set(next)); err != nil {
		log.Printf("the date: %v", err)
	}
	k.slot = next
}

// report writes the counters as JSON: who answered how many.
func (k *kernel) report(file string) {
	if file == "" {
		return
	}
	all := map[string]int64{"user": k.served.Load()}
	for c := range answerCounterCOUNTERS {
		var perCPU []uint64
		if err := k.objects.Counters.Lookup(uint32(c), &perCPU); err != nil {
			continue
		}
		for _, n := range perCPU {
			all[counterNames[c]] += int64(n)
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		return
	}
	_ = atomicfile.Scratch(file, b)
}

var counterNames = [...]string{
	answerCounterANSWERED:         "kernel",
	answerCounterPASSED_IN_ORDER:  "passed_in_order",
	answerCounterPASSED_OTHER:     "passed_other",
	answerCounterPASSED_NO_ANSWER: "passed_no_answer",
	answerCounterPASSED_FULL:      "passed_full",
	answerCounterLOST_NO_MEMORY:   "lost_no_memory",
	answerCounterJOINED:           "joined",
	answerCounterNOT_JOINED:       "not_joined",
}

// A listener's connections tell the kernel what user space has taken.
type listener struct {
	*net.TCPListener
	k *kernel
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.AcceptTCP()
	if err != nil {
		return nil, err
	}
	t := &conn{TCPConn: c, k: l.k}
	raw, err := c.SyscallConn()
	if err != nil {
		return nil, err
	}
	if err := raw.Control(func(fd uintptr) {
		t.cookie, _ = unix.GetsockoptUint64(int(fd), unix.SOL_SOCKET, unix.SO_COOKIE)
	}); err != nil {
		return nil, err
	}
	return t, nil
}

// A conn counts the bytes that user space takes. While net/http is idle and
// asks for more, it has answered everything that it has taken: that is when
// the kernel may answer again.
type conn struct {
	*net.TCPConn
	k           *kernel
	cookie      uint64
	read, known uint64
	idle        atomic.Bool
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	if c.read != c.known && c.idle.Load() {
		if c.k.objects.Taken.Put(c.cookie, c.read) == nil {
			c.known = c.read
		}
	}
	n, err := c.TCPConn.Read(b)
	c.read += uint64(n)
	return n, err
}

// Close implements net.Conn.
func (c *conn) Close() error {
	// The books last: without them the kernel would answer what comes in
	// after user space has decided to close.
	defer func() {
		_ = c.k.objects.Passed.Delete(c.cookie)
		_ = c.k.objects.Taken.Delete(c.cookie)
	}()
	return c.TCPConn.Close()
}

// connState follows net/http's states of a connection.
func connState(c net.Conn, s http.ConnState) {
	t, ok := c.(*conn)
	if !ok {
		return
	}
	t.idle.Store(s == http.StateIdle)
	if s == http.StateIdle {
		t.k.served.Add(1)
	}
}
