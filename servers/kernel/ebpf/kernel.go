// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// Sizes, as in sockmap.h.
const (
	pathMax      = 64
	responsesMax = 64
	responseMax  = 16896
)

// A kernel holds the programs and maps in the kernel. Nothing is pinned: the
// kernel frees them when this process ends.
type kernel struct {
	objects  sockmapObjects
	sockops  link.Link
	dateSlot uint32
	served   atomic.Int64 // requests that user space responded to
}

// load loads the programs and the responses, and attaches the programs.
func load(port uint16, ready map[string][]byte, group *cgroup) (*kernel, error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, withRemedy(err)
	}
	spec, err := loadSockmap()
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
		return nil, withRemedy(err)
	}
	k.setDate(time.Now())
	index := uint32(0)
	for path, text := range ready {
		var key [pathMax]byte
		copy(key[:], path)
		r := sockmapResponse{Len: uint32(len(text))}
		copy(r.Bytes[:], text)
		if err := errors.Join(k.objects.Responses.Put(index, &r), k.objects.Paths.Put(key, index)); err != nil {
			k.Close()
			return nil, fmt.Errorf("writing the response to %s: %w", path, err)
		}
		index++
	}
	for _, a := range []struct {
		program *ebpf.Program
		where   ebpf.AttachType
	}{
		{k.objects.Respond, ebpf.AttachSkMsgVerdict},
		{k.objects.Verdict, ebpf.AttachSkSKBVerdict},
	} {
		if err := link.RawAttachProgram(link.RawAttachProgramOptions{Target: k.objects.Conns.FD(), Program: a.program, Attach: a.where}); err != nil {
			k.Close()
			return nil, withRemedy(fmt.Errorf("attaching %v: %w", a.where, err))
		}
	}
	if k.sockops, err = link.AttachCgroup(link.CgroupOptions{Path: group.path, Program: k.objects.Established, Attach: ebpf.AttachCGroupSockOps}); err != nil {
		k.Close()
		return nil, withRemedy(fmt.Errorf("attaching to the cgroup: %w", err))
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

// withRemedy adds the remedy to an error of loading.
func withRemedy(err error) error {
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

// ownTGID returns this process's ID in the initial PID namespace. In another one
// getpid(2) returns a different ID; /proc has the right one if it is mounted
// from the initial namespace.
func ownTGID() (uint32, error) {
	self, err := os.Readlink("/proc/self")
	if err != nil {
		return 0, err
	}
	id, err := strconv.ParseUint(self, 10, 32)
	return uint32(id), err
}

// setDate sets the Date of the kernel's responses.
func (k *kernel) setDate(t time.Time) {
	var dates [2][32]byte
	if err := k.objects.Dates.Get(&dates); err != nil {
		log.Printf("setting the date: %v", err)
		return
	}
	next := 1 - k.dateSlot
	copy(dates[next][:], t.UTC().Format(http.TimeFormat))
	if err := errors.Join(k.objects.Dates.Set(&dates), k.objects.DateSlot.Set(next)); err != nil {
		log.Printf("setting the date: %v", err)
	}
	k.dateSlot = next
}

// state returns the kernel's state of a connection, and whether it has one.
func (k *kernel) state(cookie uint64) (s sockmapState, ok bool) {
	return s, k.objects.States.Lookup(cookie, &s) == nil
}

// report writes the counters as JSON: the number of responses by who sent them.
// The file was opened by root, and its folder may be root's, so it is written in
// place: in one write of one length, so that no reader sees a part of it.
func (k *kernel) report(file *os.File) {
	if file == nil {
		return
	}
	all := map[string]int64{"user": k.served.Load()}
	for c := range sockmapCounterCOUNTERS {
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
	_, _ = file.WriteAt(fmt.Appendf(nil, "%-511s\n", b), 0)
}

var counterNames = [...]string{
	sockmapCounterRESPONDED:          "kernel",
	sockmapCounterPASSED_PENDING:     "passed_pending",
	sockmapCounterPASSED_OTHER:       "passed_other",
	sockmapCounterPASSED_NO_RESPONSE: "passed_no_response",
	sockmapCounterPASSED_FULL:        "passed_full",
	sockmapCounterLOST:               "lost",
	sockmapCounterJOINED:             "joined",
	sockmapCounterNOT_JOINED:         "not_joined",
}
