// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"syscall"

	"crossing/harness/bench/netns"
)

// A wire is a veth pair between two network namespaces that last as long as
// two sleeping processes in them.
type wire struct {
	server, client *netns.Namespace
	realtime       bool // the machine's other work has to wait
}

func newWire() (*wire, error) {
	w := &wire{}
	for _, end := range []**netns.Namespace{&w.server, &w.client} {
		var err error
		if *end, err = netns.New(); err != nil {
			w.close()
			return nil, err
		}
	}
	s, c := w.server.PID(), w.client.PID()
	for _, line := range []string{
		fmt.Sprintf("ip link add vs0 netns %d type veth peer name vc0 netns %d", s, c),
		fmt.Sprintf("nsenter -t %d -n ip addr add %s/24 dev vs0", s, kernelIP),
		fmt.Sprintf("nsenter -t %d -n ip addr add 10.78.0.2/24 dev vc0", c),
		fmt.Sprintf("nsenter -t %d -n ip link set vs0 up", s),
		fmt.Sprintf("nsenter -t %d -n ip link set vc0 up", c),
		fmt.Sprintf("nsenter -t %d -n sysctl -qw net.ipv4.tcp_congestion_control=reno", s),
		fmt.Sprintf("nsenter -t %d -n sysctl -qw net.ipv4.tcp_congestion_control=reno", c),
	} {
		if out, err := exec.Command("sh", "-c", line).CombinedOutput(); err != nil {
			w.close()
			return nil, fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
		}
	}
	return w, w.offloads("off")
}

// offloads switches segmentation and checksum offloads of both ends.
func (w *wire) offloads(to string) error {
	for _, end := range []struct {
		ns    *netns.Namespace
		iface string
	}{{w.server, "vs0"}, {w.client, "vc0"}} {
		if out, err := w.in(end.ns, "", "ethtool", "-K", end.iface, "tx", to, "tso", to, "gso", to).CombinedOutput(); err != nil {
			return fmt.Errorf("ethtool: %w: %s", err, out)
		}
	}
	return nil
}

// thread lets the client's end take its frames as a card's interrupt would have
// it: in a thread on the client's CPU, by NAPI and with GRO. As a veth has it by
// itself, the sender's CPU does that work, and does it frame by frame for an XDP
// socket, but in batches for the kernel's TCP.
func (w *wire) thread(on bool) error {
	lines := []string{"ethtool -K vc0 gro off"} // without GRO a veth has no NAPI, and no thread
	if on {
		lines = []string{
			"ethtool -K vc0 gro on",
			"mount -t sysfs sysfs /sys && echo 1 > /sys/class/net/vc0/threaded",
			"threads=$(pgrep '^napi/vc0-') && for t in $threads; do taskset -pc 1 $t || exit; done",
		}
	}
	for _, line := range lines {
		if out, err := w.in(w.client, "", "unshare", "--mount", "sh", "-c", line).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", line, err, strings.TrimSpace(string(out)))
		}
	}
	return nil
}

// in returns a command in one end's namespace, on one CPU if one is named.
func (w *wire) in(end *netns.Namespace, cpu string, argv ...string) *exec.Cmd {
	if end != nil {
		argv = append([]string{"nsenter", "-t", fmt.Sprint(end.PID()), "-n"}, argv...)
	}
	if cpu != "" {
		argv = append([]string{"taskset", "-c", cpu}, argv...)
		if w.realtime {
			argv = append([]string{"chrt", "-r", "50"}, argv...)
		}
	}
	c := exec.Command(argv[0], argv[1:]...)
	c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setsid: true}
	return c
}

func (w *wire) close() {
	for _, end := range []*netns.Namespace{w.server, w.client} {
		if end != nil {
			end.Close()
		}
	}
}

// start starts a server and waits until it is ready.
func (w *wire) start(end *netns.Namespace, argv []string, ready func() bool) (stop func(), err error) {
	return netns.Start(context.Background(), w.in(end, "0", argv...), ready)
}
