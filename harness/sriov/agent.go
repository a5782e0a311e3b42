// SPDX-License-Identifier: Apache-2.0

package sriov

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"net/rpc"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"crossing/data/dataset"
	"crossing/harness/change"
	"crossing/harness/doctor"
	"crossing/harness/machine"
	"crossing/harness/sweep"
	"crossing/harness/testbed"
	"crossing/harness/tier"
)

// greeting is an agent's first line; what a login shell says before is skipped.
const greeting = "crossing agent"

// silence is how long an agent waits for a word of a harness whose machine may
// have vanished without closing the connection.
const silence = 5 * time.Minute

// An Agent answers, by net/rpc, for the machine that it runs on. Its exported
// methods, but for Serve, are what can be asked.
type Agent struct {
	repo  string // the project's folder here
	heard chan struct{}

	mu      sync.Mutex
	journal *change.Journal
	server  *server
	device  string // of the client's port
}

// Serve answers on the standard input and output until the input ends, ctx does,
// or nobody has been heard of for long, and then puts the machine back.
func Serve(ctx context.Context, repo string) error {
	// What is said to a harness that is gone does not end the agent. To ignore the
	// signal would be handed on to the servers.
	signal.Notify(make(chan os.Signal, 1), unix.SIGPIPE)
	ctx, stop := signal.NotifyContext(ctx, unix.SIGHUP)
	defer stop()
	for _, dir := range []string{"/usr/sbin", "/sbin"} { // which ssh leaves out
		os.Setenv("PATH", os.Getenv("PATH")+":"+dir)
	}
	a := &Agent{repo: repo, heard: make(chan struct{}, 1)}
	s := rpc.NewServer()
	if err := s.RegisterName("Agent", a); err != nil {
		return err
	}
	fmt.Println(greeting)
	done := make(chan struct{})
	go func() {
		s.ServeConn(stdio{os.Stdin, os.Stdout})
		close(done)
	}()
	for {
		select {
		case <-done:
		case <-ctx.Done():
		case <-time.After(silence):
		case <-a.heard:
			continue
		}
		return a.restore()
	}
}

type stdio struct {
	io.Reader
	io.WriteCloser
}

// restore puts the machine back.
func (a *Agent) restore() error {
	a.mu.Lock() // and keeps it: nothing may begin any more
	if a.server != nil {
		a.server.stop()
	}
	if a.journal == nil {
		return nil
	}
	err := a.journal.Undo(context.Background(), func(string) {})
	return errors.Join(err, a.journal.Close())
}

// begin opens the journal and puts back what an agent that was killed has left.
func (a *Agent) begin(role string, said *[]string) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("it needs root there: name root@ADDRESS as server.ssh, and start the client's side as root")
	}
	if a.journal, err = change.Open(filepath.Join(change.Folder, "sriov-"+role+".journal")); err != nil {
		return err
	}
	return a.journal.Undo(context.Background(), func(line string) { *said = append(*said, "left by an earlier run: "+line) })
}

func (a *Agent) take(steps []change.Step, said *[]string) error {
	for _, s := range steps {
		if s.Do != "" {
			*said = append(*said, s.Do)
		}
		if err := a.journal.Do(context.Background(), s); err != nil {
			return err
		}
	}
	return nil
}

// Ping says that the harness is still there.
func (a *Agent) Ping(int, *int) error {
	select {
	case a.heard <- struct{}{}:
	default:
	}
	return nil
}

// Describe describes the machine.
func (a *Agent) Describe(_ int, d *machine.Description) error {
	found, err := machine.Describe()
	if err == nil {
		*d = *found
	}
	return err
}

// Findings are the doctor's on the port.
func (a *Agent) Findings(port string, f *[]doctor.Finding) error {
	m := doctor.Here()
	m.Give = port
	*f = doctor.Examine(m)
	return nil
}

// Undo puts back what agents and doctors that have ended left, and returns the
// lines that did it.
func (a *Agent) Undo(_ int, lines *[]string) error {
	return change.UndoAll(context.Background(), func(line string) { *lines = append(*lines, line) })
}

// A Port is what is asked for at one end.
type Port struct {
	Name   string
	CPUs   []int
	Bypass bool // it must be possible to give it to user space
	Module bool // the kernel module will be loaded
}

// Client prepares the machine for being the client, and says what it ran.
func (a *Agent) Client(p Port, said *[]string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.begin("client", said); err != nil {
		return err
	}
	steps, err := doctor.Here().ClientSteps(p.Name)
	if err != nil {
		return err
	}
	i, err := net.InterfaceByName(p.Name)
	if err != nil {
		return err
	}
	addresses, err := i.Addrs()
	if err != nil {
		return err
	}
	for _, n := range addresses {
		if x, err := netip.ParsePrefix(n.String()); err == nil && !x.Addr().IsLinkLocalUnicast() {
			return fmt.Errorf("%s has the address %s, which it would lose: name another port, or take it away first: ip addr del %s dev %s", p.Name, x, x, p.Name)
		}
	}
	a.device, _ = filepath.EvalSymlinks("/sys/class/net/" + p.Name + "/device") // none of a port that is no device
	return a.take(steps, said)
}

// Pin lets the client's port, which is up and may be in a namespace, interrupt
// one CPU only.
func (a *Agent) Pin(cpu int, said *[]string) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.device == "" {
		return nil
	}
	irqs, _ := os.ReadDir(filepath.Join(a.device, "msi_irqs")) // no message-signalled interrupts: none
	for _, irq := range irqs {
		file := filepath.Join("/proc/irq", irq.Name(), "smp_affinity_list")
		if err := a.take(change.Set(file, fmt.Sprint(cpu), "the port's packets are handled where its process runs"), said); err != nil {
			return err
		}
	}
	return nil
}

// Prepared is what came of preparing a server.
type Prepared struct {
	Said []string
	CPUs []int
}

// Server prepares the machine for being the server.
func (a *Agent) Server(p Port, done *Prepared) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if err := a.begin("server", &done.Said); err != nil {
		return err
	}
	steps, err := doctor.Here().ServerSteps(p.Name, p.Bypass)
	if err != nil {
		return err
	}
	files := filepath.Join(filepath.Dir(a.repo), "run")
	steps = append(steps, change.Step{
		Why: "the files that servers give out, and their own", Do: fmt.Sprintf("rm -rf %[1]s; mkdir -m 755 %[1]s", quote(files)), Undo: "rm -rf " + quote(files),
	})
	if p.Module {
		steps = append(steps, change.Step{Why: "a server that is killed leaves its module", Undo: "test ! -e /sys/module/khttpd || rmmod khttpd"})
	}
	if err := a.take(steps, &done.Said); err != nil {
		return err
	}
	if len(p.CPUs) == 0 {
		if p.CPUs, _, err = testbed.CPUs(); err != nil {
			return err
		}
	}
	done.CPUs = p.CPUs
	a.server, err = newServer(a.repo, files, p)
	return err
}

// Missing says what the machine lacks for tiers, by their names.
func (a *Agent) Missing(names []string, lacks *map[string]string) error {
	all, err := tier.All(filepath.Join(a.repo, "servers"))
	if err != nil {
		return err
	}
	*lacks = map[string]string{}
	for _, name := range names {
		t, err := tier.Find(all, name)
		if err != nil {
			return err
		}
		if m := t.Missing(filepath.Join(a.repo, "bin")); m != "" {
			(*lacks)[name] = m
		}
	}
	return nil
}

// What may be asked too early.
var (
	errNoServer = errors.New("this agent was not asked to be a server")
	errNoTier   = errors.New("no tier runs")
)

func (a *Agent) with(f func(*server) error) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.server == nil {
		return errNoServer
	}
	return f(a.server)
}

// running is with for what asks about a tier's server.
func (a *Agent) running(f func(*sweep.Served) error) error {
	return a.with(func(s *server) error {
		if s.served == nil {
			return errNoTier
		}
		return f(s.served)
	})
}

// Null starts a server that does nothing but answer with that many bytes.
func (a *Agent) Null(bytes int64, addr *netip.AddrPort) error {
	return a.with(func(s *server) (err error) {
		if err := s.lay(false, nil); err != nil {
			return err
		}
		if s.null, err = sweep.Null(context.Background(), s.bed, bytes); err == nil {
			*addr = s.null.Addr
		}
		return err
	})
}

// A Start names a tier, and what of it is set otherwise.
type Start struct {
	Tier    string
	Options map[string]string
	Client  net.HardwareAddr
}

// Started is a server that was started and may not answer yet.
type Started struct {
	Addr   netip.AddrPort
	Config []byte
	Row    dataset.Run // what is known of the machine
}

// Start starts a tier.
func (a *Agent) Start(c Start, started *Started) error {
	return a.with(func(s *server) error { return s.start(c, started) })
}

// Usage is what the server has used.
func (a *Agent) Usage(_ int, u *sweep.Usage) error {
	return a.running(func(s *sweep.Served) (err error) {
		*u, err = s.Usage()
		return err
	})
}

// Log is the end of the server's log, and whether the server has ended.
func (a *Agent) Log(_ int, l *Log) error {
	return a.running(func(s *sweep.Served) error {
		l.Tail = s.Tail()
		if why := s.Ended(); why != nil {
			l.Ended = why.Error()
		}
		return nil
	})
}

// A Log is what a server says.
type Log struct {
	Ended string // why; empty: it runs
	Tail  string
}

// Answered is what the server has counted.
func (a *Agent) Answered(_ int, text *string) error {
	return a.running(func(s *sweep.Served) error {
		*text = s.Answered()
		return nil
	})
}

// Stop ends the server, or the null server.
func (a *Agent) Stop(int, *int) error {
	return a.with(func(s *server) error {
		s.stop()
		return nil
	})
}
