// SPDX-License-Identifier: Apache-2.0

package trace

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"golang.org/x/sys/unix"
)

// vmlinux is where the kernel describes its own types; tests look elsewhere.
var vmlinux = "/sys/kernel/btf/vmlinux"

// needTracepoints is what the level takes.
const needTracepoints = "Linux 5.5 or later with BTF (CONFIG_DEBUG_INFO_BTF) and CONFIG_BPF_EVENTS"

// khttpd is where the kernel module of that name is seen when it is loaded.
const khttpd = "/sys/module/khttpd"

// essential are the tracepoints without which a record is no record.
var essential = []string{"tcp_probe", "net_dev_start_xmit"}

// nothing is a program that does nothing.
var nothing = asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()}

// tracepoints attaches to every tracepoint that the kernel has. One that it
// lacks leaves its point out and is named in Missing. Where the kernel module
// is loaded, its own are added.
func tracepoints(t *Tracer, port uint16, namespace uint32) (err error) {
	if err := describes(); err != nil {
		return err
	}
	spec, err := loadTrace()
	if err != nil {
		return err
	}
	_, none := os.Stat(khttpd)
	module := none == nil
	missing, err := lacking(spec)
	if err != nil {
		return err
	}
	byCall := !module && slices.Contains(missing, "tcp_sendmsg_locked")
	v := spec.Variables
	if err := errors.Join(v["server_port"].Set(port), v["server_net"].Set(namespace), v["in_kernel"].Set(module), v["by_call"].Set(byCall)); err != nil {
		return err
	}
	o := &traceObjects{}
	if err := spec.LoadAndAssign(o, nil); err != nil {
		return explain(err, needTracepoints)
	}
	p := &programs{objects: o, requests: o.Requests, lost: o.Lost}
	defer func() {
		if err != nil {
			p.close()
		}
	}()
	keep := func(tracepoint string, l link.Link, err error) error {
		if err != nil {
			return explain(fmt.Errorf("attaching to %s: %w", tracepoint, err), needTracepoints)
		}
		p.links = append(p.links, l)
		return nil
	}
	for _, a := range []struct {
		tracepoint string
		program    *ebpf.Program
	}{
		{"netif_receive_skb", o.Device}, {"inet_sock_set_state", o.Established}, {"tcp_probe", o.Tcp}, {"sk_data_ready", o.Ready},
		{"sched_waking", o.Wake}, {"sched_switch", o.Run}, {"tcp_rcv_space_adjust", o.Recv},
		{"tcp_sendmsg_locked", o.Send}, {"sys_enter", o.Enter}, {"net_dev_start_xmit", o.Xmit},
	} {
		if slices.Contains(missing, a.tracepoint) || a.tracepoint == "sys_enter" && !byCall {
			continue
		}
		l, err := link.AttachTracing(link.TracingOptions{Program: a.program})
		if err := keep(a.tracepoint, l, err); err != nil {
			return err
		}
	}
	if module {
		for name, program := range map[string]*ebpf.Program{"khttpd_wake": o.ModuleWake, "khttpd_in": o.ModuleIn, "khttpd_ready": o.ModuleReady} {
			l, err := link.AttachRawTracepoint(link.RawTracepointOptions{Name: name, Program: program})
			if err := keep(name, l, err); err != nil {
				return err
			}
		}
		t.Level = Module
	}
	if err := p.collect(o.Done); err != nil {
		t.Level = ""
		return explain(err, needTracepoints)
	}
	t.programs, t.Missing = p, missing
	return nil
}

// describes reports whether the kernel says what its types are, and prepares for
// loading programs.
func describes() error {
	if _, err := os.Stat(vmlinux); err != nil {
		return errors.New("the kernel has no BTF (CONFIG_DEBUG_INFO_BTF)")
	}
	if err := rlimit.RemoveMemlock(); err != nil {
		return explain(err, needTracepoints)
	}
	return nil
}

// lacking finds which tracepoints this kernel lacks, and makes their programs
// do nothing.
func lacking(spec *ebpf.CollectionSpec) (missing []string, err error) {
	for _, p := range spec.Programs {
		if p.Type != ebpf.Tracing {
			continue // of the module: attached by name
		}
		probe, err := ebpf.NewProgramWithOptions(&ebpf.ProgramSpec{
			Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: p.AttachTo,
			Instructions: nothing, License: "GPL",
		}, ebpf.ProgramOptions{LogDisabled: true})
		if err == nil {
			probe.Close()
			continue
		}
		if errors.Is(err, unix.EPERM) || slices.Contains(essential, p.AttachTo) {
			return nil, explain(fmt.Errorf("tracepoint %s: %w", p.AttachTo, err), needTracepoints)
		}
		missing = append(missing, p.AttachTo)
		p.AttachTo, p.Instructions = "sched_switch", nothing // which every kernel has
	}
	slices.Sort(missing)
	return missing, nil
}
