// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"crossing/harness/bench/netns"
)

const (
	kernelIP = "10.79.0.1"
	clientIP = "10.79.0.2"
	bypassIP = "10.79.0.3"
)

// A server is one of those compared.
type server struct {
	name       string
	ip         string
	congestion string // of the kernel's TCP
}

// The first is compared to the others.
var servers = []server{
	{"dpdk", bypassIP, ""},
	{"gopoll, CUBIC", kernelIP, "cubic"},
	{"gopoll, Reno", kernelIP, "reno"},
}

// A bench is the two ends and the namespace between them, and the files.
type bench struct {
	ctx                  context.Context
	dir                  string
	limit                time.Duration
	server, wire, client *netns.Namespace
	hashes               map[string][sha256.Size]byte
	unfinished           int
}

func (b *bench) open() error {
	for _, ns := range []**netns.Namespace{&b.server, &b.wire, &b.client} {
		var err error
		if *ns, err = netns.New(); err != nil {
			return err
		}
	}
	s, c := b.server.PID(), b.client.PID()
	if err := b.wire.Shell(
		fmt.Sprintf("ip link add ws type veth peer name vs0 netns %d", s),
		fmt.Sprintf("ip link add wc type veth peer name vc0 netns %d", c),
		"sysctl -qw net.ipv6.conf.all.disable_ipv6=1",
		"ip link set ws up && ip link set wc up",
		"ethtool -K ws tx off tso off gso off gro off && ethtool -K wc tx off tso off gso off gro off",
	); err != nil {
		return err
	}
	for _, end := range []struct {
		ns       *netns.Namespace
		link, ip string
	}{{b.server, "vs0", kernelIP}, {b.client, "vc0", clientIP}} {
		if err := end.ns.Shell(
			"sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv4.tcp_no_metrics_save=1",
			fmt.Sprintf("ip addr add %s/24 dev %s && ip link set %[2]s up", end.ip, end.link),
			// Frames as they would be on a wire.
			fmt.Sprintf("ethtool -K %s tx off tso off gso off gro off", end.link),
		); err != nil {
			return err
		}
	}
	return os.Mkdir(b.root(), 0o755)
}

func (b *bench) close() {
	for _, ns := range []*netns.Namespace{b.server, b.wire, b.client} {
		if ns != nil {
			ns.Close()
		}
	}
}

func (b *bench) root() string { return filepath.Join(b.dir, "root") }

// file makes a file of that many MiB, if there is none, and returns its name.
func (b *bench) file(mib int) (string, error) {
	name := fmt.Sprintf("%dM", mib)
	if _, ok := b.hashes[name]; ok {
		return name, nil
	}
	text := make([]byte, mib<<20)
	seed := [32]byte{byte(mib)}
	_, _ = rand.NewChaCha8(seed).Read(text) // never fails
	if b.hashes == nil {
		b.hashes = map[string][sha256.Size]byte{}
	}
	b.hashes[name] = sha256.Sum256(text)
	return name, os.WriteFile(filepath.Join(b.root(), name), text, 0o644)
}

// gathering switches GRO of the client's end, which holds segments back for up to
// two milliseconds.
func (b *bench) gathering(on bool) error {
	if !on {
		return b.client.Shell("ethtool -K vc0 gro off")
	}
	return b.client.Shell("ethtool -K vc0 gro on",
		"echo 2000000 > /sys/class/net/vc0/gro_flush_timeout && echo 1 > /sys/class/net/vc0/threaded")
}

// download fetches the row's file from a server and returns the bytes per second
// from the request to the last byte.
func (b *bench) download(s server, r row, seed uint64) (goodput float64, err error) {
	name, err := b.file(r.mib)
	if err != nil {
		return 0, err
	}
	if err := b.gathering(r.gro); err != nil {
		return 0, err
	}
	argv := []string{program("dpdk"), "--port", "af_packet:vs0", "--listen", s.ip + ":80", "--root", b.root()}
	if s.congestion != "" {
		// By the route: a namespace's default may not be any algorithm.
		if err := b.server.Shell(fmt.Sprintf("ip route replace 10.79.0.0/24 dev vs0 src %s congctl %s", kernelIP, s.congestion)); err != nil {
			return 0, err
		}
		argv = []string{program("gopoll"), "--listen", s.ip + ":80", "--root", b.root()}
	}
	// The server is asked over a good wire first.
	wire, err := newEmulator(b.wire, [2]string{"ws", "wc"}, conditions{}, 0)
	if err != nil {
		return 0, err
	}
	stop, err := netns.Start(b.ctx, b.server.Command(argv...), func() bool {
		c, err := b.dial(s.ip, time.Second)
		if err == nil {
			c.Close()
		}
		return err == nil
	})
	if err != nil {
		return 0, errors.Join(err, wire.finish())
	}
	defer stop()
	if err := wire.finish(); err != nil {
		return 0, err
	}
	if wire, err = newEmulator(b.wire, [2]string{"ws", "wc"}, r.conditions, seed); err != nil {
		return 0, err
	}
	goodput, err = b.fetch(s.ip, name, r.mib<<20)
	return goodput, errors.Join(err, wire.finish())
}

// dial connects from the client's namespace.
func (b *bench) dial(ip string, limit time.Duration) (c net.Conn, err error) {
	err = b.client.Do(func() (err error) {
		ctx, cancel := context.WithTimeout(b.ctx, limit)
		defer cancel()
		var d net.Dialer
		c, err = d.DialContext(ctx, "tcp4", ip+":80")
		return err
	})
	return c, err
}

// fetch downloads a file and compares its hash.
func (b *bench) fetch(ip, name string, size int) (float64, error) {
	c, err := b.dial(ip, b.limit)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	start := time.Now()
	_ = c.SetDeadline(start.Add(b.limit))
	if _, err := fmt.Fprintf(c, "GET /%s HTTP/1.1\r\nHost: bench\r\n\r\n", name); err != nil {
		return 0, err
	}
	response, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK || response.ContentLength != int64(size) {
		return 0, fmt.Errorf("response %s with %d bytes", response.Status, response.ContentLength)
	}
	hash := sha256.New()
	n, err := io.Copy(hash, response.Body)
	goodput := float64(n) / time.Since(start).Seconds()
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		b.unfinished++
		return goodput, nil
	case err != nil:
		return 0, err
	case [sha256.Size]byte(hash.Sum(nil)) != b.hashes[name]:
		return 0, errors.New("the bytes that came are not those of the file")
	}
	return goodput, nil
}
