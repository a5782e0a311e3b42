// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// A wire is a veth pair between two network namespaces that last as long as
// two sleeping processes in them.
type wire struct {
	server, client *exec.Cmd
	realtime       bool // the machine's other work has to wait
}

func newWire() (*wire, error) {
	w := &wire{}
	for _, end := range []**exec.Cmd{&w.server, &w.client} {
		c := exec.Command("unshare", "--net", "sleep", "infinity")
		c.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
		if err := c.Start(); err != nil {
			return nil, err
		}
		*end = c
	}
	time.Sleep(300 * time.Millisecond) // until they are in their namespaces
	s, c := w.server.Process.Pid, w.client.Process.Pid
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
		c     *exec.Cmd
		iface string
	}{{w.server, "vs0"}, {w.client, "vc0"}} {
		if out, err := w.in(end.c, "", "ethtool", "-K", end.iface, "tx", to, "tso", to, "gso", to).CombinedOutput(); err != nil {
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
func (w *wire) in(end *exec.Cmd, cpu string, argv ...string) *exec.Cmd {
	if end != nil {
		argv = append([]string{"nsenter", "-t", fmt.Sprint(end.Process.Pid), "-n"}, argv...)
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

// favour gives a session precedence over the machine's other ones: where
// sessions are scheduled as groups, its niceness alone does nothing.
func favour(c *exec.Cmd) {
	_ = os.WriteFile(fmt.Sprintf("/proc/%d/autogroup", c.Process.Pid), []byte("-15"), 0)
}

func (w *wire) close() {
	for _, c := range []*exec.Cmd{w.server, w.client} {
		if c != nil && c.Process != nil {
			_ = c.Process.Kill()
			_ = c.Wait()
		}
	}
}

// start starts a server and gives it time to be ready.
func (w *wire) start(end *exec.Cmd, argv []string, ready func() bool) (stop func(), err error) {
	c := w.in(end, "0", argv...)
	c.Stdout, c.Stderr = io.Discard, io.Discard
	if err := c.Start(); err != nil {
		return nil, err
	}
	favour(c)
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	stop = func() {
		_ = c.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = c.Process.Kill()
			<-ended
		}
	}
	for deadline := time.Now().Add(20 * time.Second); !ready(); time.Sleep(50 * time.Millisecond) {
		select {
		case <-ended:
			return nil, fmt.Errorf("%s ended at once", strings.Join(argv, " "))
		default:
		}
		if time.Now().After(deadline) {
			stop()
			return nil, fmt.Errorf("%s does not answer", strings.Join(argv, " "))
		}
	}
	return stop, nil
}
