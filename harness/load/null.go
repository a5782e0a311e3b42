// SPDX-License-Identifier: Apache-2.0

package load

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// A NullServer answers every request at once with the same bytes: one thread
// that polls, no parsing beyond the empty line, no files. No server on kernel
// sockets is much faster, so the rate against it is the client's own ceiling.
type NullServer struct {
	Addr netip.AddrPort // where it listens

	cmd *exec.Cmd
	in  interface{ Close() error }
}

// NullArg is the argument with which StartNull starts its own program again.
// A program that calls StartNull must call Null when it is given it.
const NullArg = "load-null"

// A nullJob is the only argument's JSON.
type nullJob struct {
	Addr    netip.AddrPort
	CPU     int
	BodyLen int
	Block   bool
}

// StartNull starts a null server on addr (port 0: any free one) and on one CPU
// (-1: any), whose bodies have bodyLen bytes. It polls unless block is set, as
// it must be in virtual time. Command is as in Config.
func StartNull(ctx context.Context, addr netip.AddrPort, cpu, bodyLen int, block bool, command Command) (*NullServer, error) {
	if command == nil {
		command = exec.CommandContext
	}
	program, err := os.Executable()
	if err != nil {
		return nil, err
	}
	j, err := json.Marshal(nullJob{addr, cpu, bodyLen, block})
	if err != nil {
		return nil, err
	}
	cmd := command(ctx, program, NullArg, string(j))
	if cmd.Env == nil {
		cmd.Env = os.Environ()
	}
	cmd.Env = append(cmd.Env, "GODEBUG=asyncpreemptoff=1", "GOGC=off", "GOMAXPROCS=2")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe() // it ends when this pipe does
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("null server: %w", err)
	}
	n := &NullServer{cmd: cmd, in: in}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err == nil {
		n.Addr, err = netip.ParseAddrPort(line[:len(line)-1])
	}
	if err != nil {
		n.Close()
		return nil, fmt.Errorf("null server: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	return n, nil
}

// PID is its process.
func (n *NullServer) PID() int { return n.cmd.Process.Pid }

// Close ends the server.
func (n *NullServer) Close() error {
	n.in.Close()
	n.cmd.Process.Kill()
	n.cmd.Wait()
	return nil
}

// Null is the body of a null server's process; arg is its only argument. It
// serves until its standard input ends.
func Null(arg string) error {
	var j nullJob
	if err := json.Unmarshal([]byte(arg), &j); err != nil {
		return fmt.Errorf("not meant to be called by hand: %w", err)
	}
	signal.Reset(unix.SIGINT, unix.SIGTERM) // whatever the program does about them otherwise
	debug.SetGCPercent(-1)
	if j.CPU >= 0 {
		if err := pin(j.CPU); err != nil {
			return err
		}
	}
	family, local := unix.AF_INET, unix.Sockaddr(&unix.SockaddrInet4{Port: int(j.Addr.Port()), Addr: j.Addr.Addr().Unmap().As4()})
	if j.Addr.Addr().Is6() && !j.Addr.Addr().Is4In6() {
		family, local = unix.AF_INET6, &unix.SockaddrInet6{Port: int(j.Addr.Port()), Addr: j.Addr.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	setsockopt(int32(fd), unix.SOL_SOCKET, unix.SO_REUSEADDR, 1)
	if err := errors.Join(unix.Bind(fd, local), unix.Listen(fd, 4096)); err != nil {
		return fmt.Errorf("listen on %v: %w", j.Addr, err)
	}
	fmt.Println(netip.AddrPortFrom(j.Addr.Addr(), localPort(int32(fd))))
	served := make(chan error)
	go func() { served <- serveNull(int32(fd), &j) }()
	ended := make(chan struct{})
	go func() {
		os.Stdin.Read(make([]byte, 1))
		close(ended)
	}()
	select {
	case err := <-served:
		return err
	case <-ended:
		return nil
	}
}

// serveNull is the server's loop. One read is one request as long as it ends in
// an empty line, which holds for every client that waits for its responses.
func serveNull(listener int32, j *nullJob) error {
	runtime.LockOSThread()
	ep, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	if e := epollWatch(int32(ep), listener, listener); e != 0 {
		return e
	}
	answer := []byte("HTTP/1.1 200 OK\r\nServer: null\r\nContent-Type: application/octet-stream\r\nContent-Length: " +
		strconv.Itoa(j.BodyLen) + "\r\n\r\n" + string(make([]byte, j.BodyLen)))
	unsent := map[int32][]byte{} // where a long answer filled the socket's buffer
	buf := make([]byte, 64<<10)
	events := make([]unix.EpollEvent, 256)
	pause := 0
	if j.Block {
		pause = int((100 * time.Millisecond).Milliseconds())
	}
	hold()
	defer release()
	for {
		n, _ := epollWait(int32(ep), events, pause)
		for i := range max(n, 0) {
			fd := events[i].Fd
			if fd == listener {
				acceptAll(int32(ep), listener)
				continue
			}
			if rest, ok := unsent[fd]; ok && !sendNull(fd, rest, unsent) {
				continue
			}
			for {
				n, e := recv(fd, buf)
				if e != 0 && e != unix.EAGAIN || e == 0 && n == 0 {
					delete(unsent, fd)
					closeFD(fd)
					break
				}
				if e == unix.EAGAIN {
					break
				}
				if bytes.HasSuffix(buf[:n], []byte("\r\n\r\n")) {
					sendNull(fd, answer, unsent)
				}
				if n < len(buf) && events[i].Events&unix.EPOLLRDHUP == 0 {
					break
				}
			}
		}
	}
}

// sendNull sends what it can, keeps the rest, and reports whether there is none.
// The kernel reports when there is room again, as all is watched for both.
func sendNull(fd int32, b []byte, unsent map[int32][]byte) bool {
	for len(b) > 0 {
		n, e := send(fd, b)
		if e == unix.EAGAIN {
			unsent[fd] = b
			return false
		}
		if e != 0 {
			break // the next read says so, too
		}
		b = b[n:]
	}
	if len(unsent) > 0 {
		delete(unsent, fd)
	}
	return true
}

func acceptAll(ep, listener int32) {
	for {
		fd, _, e := unix.RawSyscall6(unix.SYS_ACCEPT4, uintptr(listener), 0, 0, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if e != 0 {
			return
		}
		setsockopt(int32(fd), unix.IPPROTO_TCP, unix.TCP_NODELAY, 1)
		epollWatch(ep, int32(fd), int32(fd))
	}
}
