// SPDX-License-Identifier: Apache-2.0

package load

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// noPwait2Env asks a worker of a test to hide epoll_pwait2 from itself.
const noPwait2Env = "LOAD_TEST_NO_EPOLL_PWAIT2"

// hidePwait2 makes epoll_pwait2 fail with ENOSYS in every thread, as the filters
// of older container runtimes do.
func hidePwait2() error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_EPOLL_PWAIT2, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return err
	}
	if _, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog))); e != 0 {
		return e
	}
	return nil
}

// TestWithoutPwait2: a kernel without epoll_pwait2 makes no request time out.
func TestWithoutPwait2(t *testing.T) {
	hidden := func(ctx context.Context, name string, arg ...string) *exec.Cmd {
		cmd := exec.CommandContext(ctx, name, arg...)
		cmd.Env = append(os.Environ(), noPwait2Env+"=1")
		return cmd
	}
	for _, mode := range []Mode{Block, Hybrid, Spin} {
		for _, schedule := range []Schedule{nil, Fixed{300}} {
			r := run(t, Config{
				Target: null(t, 100, true).Addr, Connections: 4, Mode: mode, BodyLen: 100, Schedule: schedule, Command: hidden,
				Duration: 400 * time.Millisecond, Timeout: 200 * time.Millisecond, Jitter: -1, MaxRate: 200000,
			})
			s := r.Summary()
			if s.OK < 50 || s.Failed > 0 || slices.Contains(s.Marks, "adherence") {
				t.Errorf("%v, %v: %d ok, failures %v, %v", mode, schedule, s.OK, s.Failures, s.Marks)
			}
		}
	}
}

// TestCgroupMemory: the least that any cgroup upwards leaves.
func TestCgroupMemory(t *testing.T) {
	dir := t.TempDir()
	for _, g := range []struct{ path, max, current string }{
		{"/a", "1000\n", "400\n"}, {"/a/b", "max\n", "100\n"}, {"/a/c", "700\n", "650\n"}, {"/a/over", "10\n", "20\n"},
	} {
		at := dir + g.path
		if err := os.MkdirAll(at, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"memory.max": g.max, "memory.current": g.current} {
			if err := os.WriteFile(at+"/"+name, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	for path, want := range map[string]int{"/": 5000, "/a": 600, "/a/b": 600, "/a/c": 50, "/a/over": 0, "/none": 5000} {
		if got := cgroupMemory(dir, path, 5000); got != want {
			t.Errorf("%s leaves %d, want %d", path, got, want)
		}
	}
}
