// SPDX-License-Identifier: Apache-2.0

// Command ebpftc responds to HTTP at the traffic control hook of a device, below
// the socket layer and without any state: an upper bound of what the kernel can
// do, not a server to use. Every response is one segment.
//
// It responds to any single segment with up to 1460 bytes, also to one with a
// forged source address: on an open network it would be an amplifying reflector.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"github.com/cilium/ebpf/rlimit"
	"github.com/spf13/pflag"
	"golang.org/x/sys/unix"

	"crossing/internal/atomicfile"
	"crossing/servers/checksum"
)

//go:generate go tool bpf2go -go-package main -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu" -type counter stateless stateless.bpf.c

// Sizes, as in stateless.h.
const (
	pathMax      = 64
	responsesMax = 32
	responseMax  = 1460
)

// usage is the help text above the flags.
const usage = `Ebpftc responds to requests for a document root's small files on a device, without any state. It needs root.

Examples:
  ebpftc --iface vs0 --listen 10.0.0.3:8080 --root site

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("ebpftc: ")
	listen := pflag.String("listen", "", "IPv4 `address:port` to respond at")
	iface := pflag.String("iface", "", "network `device` to attach to")
	dir := pflag.String("root", ".", "document root; files that do not fit into one segment are left out")
	counters := pflag.String("counters", "", "`file` for the counters, written each second and at exit")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	if pflag.NArg() > 0 {
		log.Fatalf("unexpected argument %q; see --help", pflag.Arg(0))
	}
	if err := run(*listen, *iface, *dir, *counters); err != nil {
		log.Fatal(err)
	}
}

func run(listen, iface, dir, counters string) error {
	addr, err := netip.ParseAddrPort(listen)
	if err != nil || !addr.Addr().Is4() {
		return fmt.Errorf("--listen %q: want an IPv4 address and port, like 10.0.0.1:8080", listen)
	}
	device, err := net.InterfaceByName(iface)
	if err != nil {
		return fmt.Errorf("--iface %q: %w (ip link lists the devices)", iface, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("document root: %w", err)
	}
	defer root.Close()
	bodies, err := bodies(root)
	if err != nil {
		return err
	}
	o, err := load(addr)
	if err != nil {
		return err
	}
	defer o.Close()
	s := &server{objects: o, bodies: bodies}
	if err := s.addPaths(); err != nil {
		return err
	}
	if err := s.refresh(time.Now()); err != nil {
		return err
	}
	l, err := link.AttachTCX(link.TCXOptions{Interface: device.Index, Program: o.Serve, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return withRemedy(fmt.Errorf("attaching to %s: %w", iface, err))
	}
	defer l.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	for tick := time.NewTicker(time.Second); ; {
		select {
		case now := <-tick.C:
			if err := s.refresh(now); err != nil {
				return err
			}
			s.report(counters)
		case <-ctx.Done():
			s.report(counters)
			return nil
		}
	}
}

// load loads the program; the kernel frees it when this process ends.
func load(addr netip.AddrPort) (*statelessObjects, error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, withRemedy(err)
	}
	spec, err := loadStateless()
	if err != nil {
		return nil, err
	}
	if err := errors.Join(spec.Variables["listen_port"].Set(addr.Port()), spec.Variables["listen_addr"].Set(addr.Addr().As4())); err != nil {
		return nil, err
	}
	o := &statelessObjects{}
	if err := spec.LoadAndAssign(o, nil); err != nil {
		return nil, withRemedy(err)
	}
	return o, nil
}

// withRemedy adds the remedy to an error of loading.
func withRemedy(err error) error {
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w; loading BPF programs takes root, or CAP_BPF and CAP_NET_ADMIN", err)
	}
	if errors.Is(err, ebpf.ErrNotSupported) || errors.Is(err, unix.EINVAL) {
		return fmt.Errorf("%w; this tier needs Linux 6.6 or later (tcx)", err)
	}
	return err
}

type body struct {
	path, status string
	bytes        []byte
}

// bodies returns the bodies of all responses: first the one to unknown paths,
// then the files of the root that fit into one segment.
func bodies(root *os.Root) ([]body, error) {
	files := root.FS()
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	all := []body{{"", "404 Not Found", []byte("not found\n")}}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > responseMax-200 || len(all) == responsesMax || len(e.Name()) > pathMax-2 {
			continue
		}
		b, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, err
		}
		all = append(all, body{"/" + e.Name(), "200 OK", b})
	}
	return all, nil
}

type server struct {
	objects *statelessObjects
	bodies  []body
	set     uint32
}

type response struct {
	Len, Sum uint32
	Bytes    [responseMax]byte
}

// addPaths writes the map from paths to responses.
func (s *server) addPaths() error {
	for i, b := range s.bodies[1:] {
		var key [pathMax]byte
		copy(key[:], b.path)
		if err := s.objects.Paths.Put(key, uint32(i+1)); err != nil {
			return err
		}
	}
	return nil
}

// refresh writes the spare set of responses with the current date and then
// switches to it.
func (s *server) refresh(now time.Time) error {
	next := 1 - s.set
	for i, b := range s.bodies {
		text := fmt.Appendf(nil, "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", b.status, now.UTC().Format(http.TimeFormat), len(b.bytes))
		text = append(text, b.bytes...)
		a := response{Len: uint32(len(text)), Sum: uint32(checksum.Fold(checksum.Sum(text, 0)))}
		copy(a.Bytes[:], text)
		if err := s.objects.Responses.Put(next*responsesMax+uint32(i), &a); err != nil {
			return fmt.Errorf("writing the responses: %w", err)
		}
	}
	s.set = next
	return s.objects.Set.Set(next)
}

// report writes the counters as JSON.
func (s *server) report(file string) {
	if file == "" {
		return
	}
	all := map[string]uint64{}
	for c, name := range map[uint32]string{uint32(statelessCounterOPENED): "opened", uint32(statelessCounterRESPONDED): "kernel", uint32(statelessCounterREFUSED): "refused"} {
		var perCPU []uint64
		if s.objects.Counters.Lookup(c, &perCPU) != nil {
			continue
		}
		for _, n := range perCPU {
			all[name] += n
		}
	}
	b, err := json.Marshal(all)
	if err != nil {
		return
	}
	_ = atomicfile.Scratch(file, b)
}
