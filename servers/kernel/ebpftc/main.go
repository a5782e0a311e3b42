// Ebpftc answers HTTP on a frame's way into the kernel, below the socket
// layer, without any state: the bound of what the kernel can do, and no server
// that anyone should use. It holds one segment per answer.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
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
	"golang.org/x/sys/unix"

	"crossing/internal/atomicfile"
)

//go:generate go tool bpf2go -go-package main -target bpfel -cc clang -cflags "-O2 -g -Wall -Werror -I/usr/include/x86_64-linux-gnu" -type counter stateless stateless.bpf.c

// Sizes that stateless.h also has.
const (
	pathMax   = 64
	answerSet = 32
	answerMax = 1460
)

// usage is what -help shows before the flags.
const usage = `Ebpftc answers for a folder's small files on a device, without any state. It needs root.

Examples:
  ebpftc -iface vs0 -listen 10.0.0.3:8080 -root site

Flags:
`

func main() {
	log.SetFlags(0)
	log.SetPrefix("ebpftc: ")
	listen := flag.String("listen", "", "IPv4 address and port to answer for")
	iface := flag.String("iface", "", "network device to answer on")
	dir := flag.String("root", ".", "folder to serve; what does not fit into one segment is left out")
	counters := flag.String("counters", "", "file for the counters, written each second and at the end")
	flag.Usage = func() { fmt.Fprint(flag.CommandLine.Output(), usage); flag.PrintDefaults() }
	flag.Parse()
	if err := run(*listen, *iface, *dir, *counters); err != nil {
		log.Fatal(err)
	}
}

func run(listen, iface, dir, counters string) error {
	addr, err := netip.ParseAddrPort(listen)
	if err != nil || !addr.Addr().Is4() {
		return fmt.Errorf("-listen %q: an IPv4 address and port, as 10.0.0.1:8080", listen)
	}
	device, err := net.InterfaceByName(iface)
	if err != nil {
		return fmt.Errorf("-iface %q: %w (ip link lists the devices)", iface, err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("the folder to serve: %w", err)
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
	if err := s.name(); err != nil {
		return err
	}
	if err := s.renew(time.Now()); err != nil {
		return err
	}
	l, err := link.AttachTCX(link.TCXOptions{Interface: device.Index, Program: o.Serve, Attach: ebpf.AttachTCXIngress})
	if err != nil {
		return why(fmt.Errorf("attaching to %s: %w", iface, err))
	}
	defer l.Close()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	for tick := time.NewTicker(time.Second); ; {
		select {
		case now := <-tick.C:
			if err := s.renew(now); err != nil {
				return err
			}
			s.report(counters)
		case <-ctx.Done():
			s.report(counters)
			return nil
		}
	}
}

// load loads the program; it is gone with this process, however that ends.
func load(addr netip.AddrPort) (*statelessObjects, error) {
	if err := rlimit.RemoveMemlock(); err != nil {
		return nil, why(err)
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
		return nil, why(err)
	}
	return o, nil
}

// why says what to do about an error of loading.
func why(err error) error {
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

// bodies are what can be answered: first the answer to all that has none,
// then the root's files that fit.
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
		if !info.Mode().IsRegular() || info.Size() > answerMax-200 || len(all) == answerSet || len(e.Name()) > pathMax-2 {
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

type answer struct {
	Len, Sum uint32
	Bytes    [answerMax]byte
}

// name tells the kernel which path has which answer.
func (s *server) name() error {
	for i, b := range s.bodies[1:] {
		var key [pathMax]byte
		copy(key[:], b.path)
		if err := s.objects.Paths.Put(key, uint32(i+1)); err != nil {
			return err
		}
	}
	return nil
}

// renew writes the set of answers that is not in use, with the date of now,
// and puts it into use.
func (s *server) renew(now time.Time) error {
	next := 1 - s.set
	for i, b := range s.bodies {
		text := fmt.Appendf(nil, "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", b.status, now.UTC().Format(http.TimeFormat), len(b.bytes))
		text = append(text, b.bytes...)
		a := answer{Len: uint32(len(text)), Sum: sum(text)}
		copy(a.Bytes[:], text)
		if err := s.objects.Answers.Put(next*answerSet+uint32(i), &a); err != nil {
			return fmt.Errorf("giving the kernel its answers: %w", err)
		}
	}
	s.set = next
	return s.objects.Set.Set(next)
}

// sum is the ones' complement sum of the bytes (RFC 1071), in the byte order
// of this machine, as the kernel's side adds it up.
func sum(b []byte) (n uint32) {
	for i := 0; i+1 < len(b); i += 2 {
		n += uint32(b[i]) | uint32(b[i+1])<<8
	}
	if len(b)%2 == 1 {
		n += uint32(b[len(b)-1])
	}
	return n
}

// report writes the counters as JSON.
func (s *server) report(file string) {
	if file == "" {
		return
	}
	all := map[string]uint64{}
	for c, name := range map[uint32]string{uint32(statelessCounterOPENED): "opened", uint32(statelessCounterANSWERED): "kernel", uint32(statelessCounterREFUSED): "refused"} {
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
