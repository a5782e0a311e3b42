// SPDX-License-Identifier: Apache-2.0

// Bench compares the bypass tiers with each other and with the kernel's
// sockets: every server in turn on the same wire, round after round, asked by
// a client that the kernel does not slow either. What it prints are ratios of
// request rates, each with an interval over the rounds, since absolute rates
// are those of one machine on one day.
//
// It needs root and bin/ as `make build` leaves it.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "bench-bypass:", err)
		os.Exit(1)
	}
}

// A server is one of those compared. IP is where it answers.
type server struct {
	name string
	ip   string
	argv func(port, root string) []string
}

const (
	bypassIP = "10.78.0.3"
	kernelIP = "10.78.0.1"
)

func program(name string, arg ...string) func(port, root string) []string {
	return func(port, root string) []string {
		argv := []string{filepath.Join("bin", name)}
		if port != "" {
			argv = append(argv, "--port", port)
		}
		return append(append(argv, "--root", root), arg...)
	}
}

var (
	dpdk    = server{"dpdk", bypassIP, program("dpdk", "--listen", bypassIP+":80")}
	lwip    = server{"dpdk-lwip", bypassIP, program("dpdk-lwip", "--listen", bypassIP+":80")}
	gopoll  = server{"gopoll", kernelIP, kernel(program("gopoll", "--listen", kernelIP+":80"))}
	spin    = server{"gopoll-spin", kernelIP, kernel(program("gopoll", "--spin", "--listen", kernelIP+":80"))}
	nginx   = server{"nginx", kernelIP, nginxArgv}
	onVeth  = []server{dpdk, lwip, gopoll, spin, nginx}
	onMemif = []server{dpdk, lwip}
)

// kernel leaves the port out: the server uses the kernel's.
func kernel(argv func(port, root string) []string) func(port, root string) []string {
	return func(_, root string) []string { return argv("", root) }
}

func nginxArgv(_, root string) []string {
	conf := filepath.Join(root, "..", "nginx.conf")
	text := fmt.Sprintf(`daemon off; master_process off; pid %[1]s.pid; error_log /dev/null; worker_rlimit_nofile 65536;
events { worker_connections 16384; }
http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; open_file_cache max=100;
default_type application/octet-stream; server { listen %[2]s:80; root %[3]s; } }
`, conf, kernelIP, root)
	_ = os.WriteFile(conf, []byte(text), 0o644)
	return []string{"nginx", "-c", conf}
}

// usage is what --help shows before the flags.
const usage = `Bench measures the bypass tiers against each other and the kernel, interleaved. It needs root.

Examples:
  bench --rounds 6
  bench --only memif,echo --duration 1s --out runs.csv

Flags:
`

func run() error {
	rounds := pflag.Int("rounds", 3, "rounds")
	duration := pflag.Duration("duration", 500*time.Millisecond, "time that counts of each run")
	out := pflag.String("out", "", "also write each run as a line of CSV to this `file`")
	only := pflag.String("only", "veth,memif,echo,file", "parts to run")
	realtime := pflag.Bool("realtime", false, "let everything else on this machine wait (SCHED_RR): for one that is not idle")
	pflag.Usage = func() { fmt.Fprint(os.Stderr, usage); pflag.PrintDefaults() }
	pflag.Parse()
	if os.Geteuid() != 0 {
		return fmt.Errorf("it makes network namespaces and drives ports: run it as root")
	}
	dir, err := os.MkdirTemp("", "bench-bypass")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	root := filepath.Join(dir, "root")
	if err := files(root); err != nil {
		return err
	}
	w, err := newWire()
	if err != nil {
		return err
	}
	defer w.close()
	w.realtime = *realtime
	b := &bench{wire: w, root: root, memif: filepath.Join(dir, "memif"), duration: *duration, results: map[string][]result{}}
	for r := range *rounds {
		fmt.Fprintf(os.Stderr, "round %d of %d\n", r+1, *rounds)
		for _, part := range strings.Split(*only, ",") {
			if err := b.part(part, r); err != nil {
				return fmt.Errorf("%s: %w", part, err)
			}
		}
	}
	b.report()
	if *out != "" {
		return b.csv(*out)
	}
	return nil
}

// files writes what is asked for.
func files(root string) error {
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	if err := os.Chmod(filepath.Dir(root), 0o755); err != nil {
		return err
	}
	for name, n := range map[string]int{"100": 100, "1K": 1024, "64M": 64 << 20} {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte(i * 31)
		}
		if err := os.WriteFile(filepath.Join(root, name), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
