// SPDX-License-Identifier: Apache-2.0

// Package instance runs one server of one tier: it starts the tier's process
// on the server's end of a testbed, waits until it answers, says what CPU time
// it took, and ends it with all that it started.
package instance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"crossing/harness/testbed"
	"crossing/harness/tier"
)

// Places are the folders that an instance works with.
type Places struct {
	Root  string // document root
	State string // the instance's own folder; made and, on Stop, left with its log
	Bin   string // the project's programs
	Repo  string // the project
	// Stages asks a server that takes its own stages to do so.
	Stages bool
}

// An Instance is a running server.
type Instance struct {
	Addr    netip.AddrPort
	Config  []byte // what was rendered: command, environment and files, for the dataset's hash
	Stages  string // file that the server writes its own stages to by its end; empty: it takes none
	tier    *tier.Tier
	bed     *testbed.Testbed
	cmd     *exec.Cmd
	log     string
	exited  chan struct{}
	waitErr error
}

// grace is how long a server may take to end by itself.
const grace = 3 * time.Second

// What an unprivileged server may take: the longest file that it may write, and
// processes and threads of its user, which other servers on this machine share.
const (
	maxFileBytes = 1 << 30
	maxThreads   = 8192
)

// nobody is Debian's unprivileged user and group.
const nobody = "65534"

// Start starts the tier and returns when it answers its ready path.
func Start(ctx context.Context, t *tier.Tier, bed *testbed.Testbed, p Places) (*Instance, error) {
	in, err := Launch(t, bed, p)
	if err != nil {
		return nil, err
	}
	if err := Ready(ctx, t, in.Addr, bed.Client.Dial, in.Ended); err != nil {
		if in.Running() {
			err = fmt.Errorf("%w\n%s", err, in.Tail())
		}
		in.Stop()
		return nil, err
	}
	return in, nil
}

// Launch starts the tier and does not wait until it answers.
//
// The server is the first process of a PID namespace, so that ending it ends
// whatever it has forked; the kernel ends it, too, when this process dies.
func Launch(t *tier.Tier, bed *testbed.Testbed, p Places) (*Instance, error) {
	if m := t.Missing(p.Bin); m != "" {
		return nil, fmt.Errorf("tier %s cannot run here: %s", t.Name, m)
	}
	addr := bed.Addr(t.Boundary)
	in := &Instance{Addr: addr, tier: t, bed: bed, log: filepath.Join(p.State, "log"), exited: make(chan struct{})}
	if err := in.portFree(); err != nil {
		return nil, err
	}
	r, err := t.Render(tier.Vars{
		Addr: addr.String(), IP: addr.Addr().String(), Port: fmt.Sprint(addr.Port()),
		Root: p.Root, State: p.State, Bin: p.Bin, Repo: p.Repo,
		Iface: bed.Server.Iface, PCI: bed.Server.PCI, MAC: bed.Server.MAC.String(),
		PeerIP: bed.Client.IP.String(), PeerMAC: bed.Client.MAC.String(),
		CPUs: bed.Server.CPUList(), Testbed: bed.Name,
	})
	if err != nil {
		return nil, fmt.Errorf("tier %s: %w", t.Name, err)
	}
	if err := in.prepare(p, r); err != nil {
		return nil, fmt.Errorf("tier %s: %w", t.Name, err)
	}
	// Not part of the configuration: traced or not, the server is the same.
	if p.Stages && t.Stages == tier.ByServer {
		in.Stages = filepath.Join(p.State, "stages.csv")
		r.Env = append(r.Env, "STAGES="+in.Stages)
	}
	if err := in.launch(r); err != nil {
		return nil, fmt.Errorf("starting tier %s: %w", t.Name, err)
	}
	return in, nil
}

// portFree fails early where something else listens, since a server's own
// message on that is often cryptic.
func (in *Instance) portFree() error {
	if in.tier.Boundary == "bypass" {
		return nil
	}
	return in.bed.Server.Do(func() error {
		l, err := net.Listen("tcp", in.Addr.String())
		if err != nil {
			return fmt.Errorf("tier %s: %w; something else listens there (ss -ltnp shows what)", in.tier.Name, err)
		}
		return l.Close()
	})
}

// prepare writes the tier's files to its state folder and gives that to the
// user the server runs as.
func (in *Instance) prepare(p Places, r *tier.Rendered) error {
	if err := os.MkdirAll(p.State, 0o755); err != nil {
		return err
	}
	var config bytes.Buffer
	fmt.Fprintln(&config, strings.Join(r.Start, " "), strings.Join(r.Env, " "))
	// Two instances of one configuration must hash alike, wherever they run: in
	// the order of names, not of the map.
	for _, name := range slices.Sorted(maps.Keys(r.Files)) {
		b := r.Files[name]
		if err := os.WriteFile(filepath.Join(p.State, name), b, 0o644); err != nil {
			return err
		}
		fmt.Fprintln(&config, name)
		config.Write(b)
	}
	in.Config = []byte(strings.NewReplacer(p.State, "STATE", p.Root, "ROOT", p.Bin, "BIN", p.Repo, "REPO").Replace(config.String()))
	if in.drop() {
		return os.Chown(p.State, 65534, 65534)
	}
	return nil
}

// drop reports whether the server gives up root.
func (in *Instance) drop() bool {
	return in.tier.User != "root" && os.Geteuid() == 0
}

// unprivileged is what takes every privilege from the server and keeps it from
// filling the disk or the table of processes. Pdeathsig is set once more because
// changing the user clears it.
func (in *Instance) unprivileged() []string {
	set := []string{"setpriv", "--no-new-privs", "--inh-caps=-all", "--ambient-caps=-all", "--pdeathsig", "KILL"}
	if !in.drop() {
		return set
	}
	// Only root may set a limit above the one that it has.
	limits := []string{"prlimit", "--core=0", fmt.Sprintf("--fsize=%d", maxFileBytes), fmt.Sprintf("--nproc=%d", maxThreads)}
	return slices.Concat(limits, set, []string{"--bounding-set=-all", "--reuid", nobody, "--regid", nobody, "--clear-groups"})
}

func (in *Instance) launch(r *tier.Rendered) error {
	argv := r.Start
	if in.tier.User != "root" {
		argv = append(in.unprivileged(), argv...)
	}
	// Servers append to it, too, when told its name as their error log.
	log, err := os.OpenFile(in.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	if in.drop() {
		if err := log.Chown(65534, 65534); err != nil {
			return err
		}
	}
	cmd := in.bed.Server.Command(context.Background(), argv[0], argv[1:]...)
	cmd.Env = append([]string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8", "HOME=" + filepath.Dir(in.log)}, r.Env...)
	cmd.Dir = filepath.Dir(in.log)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true, // a scheduling group of its own
	}
	in.cmd = cmd
	started := make(chan error)
	go func() {
		// The kernel sends Pdeathsig when the thread that forked ends, so that
		// thread is kept for as long as the server runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			in.waitErr = cmd.Wait()
			close(in.exited)
		}
	}()
	return <-started
}

// Ready asks for the tier's ready path until it answers 200. Dial connects as
// the client does; ended says why the server has ended, and is nil while it
// runs.
func Ready(ctx context.Context, t *tier.Tier, addr netip.AddrPort, dial func(netip.AddrPort, time.Duration) (net.Conn, error), ended func() error) error {
	ctx, cancel := context.WithTimeout(ctx, t.Ready.Within)
	defer cancel()
	client := &http.Client{
		Timeout: t.Ready.Within,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext:       func(context.Context, string, string) (net.Conn, error) { return dial(addr, time.Second) },
		},
	}
	for {
		resp, err := client.Get("http://" + addr.String() + t.Ready.Path)
		if err == nil {
			_, _ = io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
			err = errors.New(resp.Status)
		}
		if err := ended(); err != nil {
			return fmt.Errorf("tier %s ended before it answered: %w", t.Name, err)
		}
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); errors.Is(err, context.Canceled) {
				return err
			}
			return fmt.Errorf("tier %s does not answer %s%s within %v (last: %w)", t.Name, addr, t.Ready.Path, t.Ready.Within, err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// Running reports whether the server is still there.
func (in *Instance) Running() bool {
	select {
	case <-in.exited:
		return false
	default:
		return true
	}
}

// Ended says why the server is no longer there, with the end of its log; it is
// nil while it runs.
func (in *Instance) Ended() error {
	if in.Running() {
		return nil
	}
	return fmt.Errorf("%v\n%s", in.waitErr, in.Tail())
}

// Tail is the end of the server's log.
func (in *Instance) Tail() string {
	b, err := os.ReadFile(in.log)
	if err != nil {
		return err.Error()
	}
	const most = 2000
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return fmt.Sprintf("its log (%s) ends:\n%s", in.log, strings.TrimSpace(string(b)))
}

// PID is the server's first process.
func (in *Instance) PID() int { return in.cmd.Process.Pid }

// Stop ends the server: SIGTERM, and after a while SIGKILL. As the first
// process of its namespace it takes all others with it.
func (in *Instance) Stop() {
	// A process without a handler for SIGTERM does not get it when it is the
	// first of a PID namespace; python has one for SIGINT.
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		_ = in.cmd.Process.Signal(s)
		select {
		case <-in.exited:
			return
		case <-time.After(grace / 3):
		}
	}
	_ = in.cmd.Process.Kill()
	<-in.exited
}
