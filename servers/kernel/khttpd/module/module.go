// SPDX-License-Identifier: Apache-2.0

// Package module loads, watches and unloads the kernel module khttpd.
//
// Its options are the module's own parameters, by name; kmod/README.md lists
// them. All calls need root.
package module

import (
	"bufio"
	"bytes"
	"debug/elf"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Name is the module's name in the kernel.
const Name = "khttpd"

const (
	sysDir      = "/sys/module/" + Name
	countersDir = "/sys/kernel/debug/" + Name
)

// Options are module parameters with their values.
type Options map[string]string

// ParseOptions reads arguments of the form name=value, as insmod takes them.
func ParseOptions(args []string) (Options, error) {
	o := Options{}
	for _, a := range args {
		name, value, ok := strings.Cut(a, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("option %q: want name=value", a)
		}
		if _, twice := o[name]; twice {
			return nil, fmt.Errorf("option %s is given twice", name)
		}
		o[name] = value
	}
	return o, nil
}

// line returns the options as the kernel reads them. Values are quoted, as they
// may hold spaces; a quote in a value cannot be passed at all.
func (o Options) line() (string, error) {
	names := make([]string, 0, len(o))
	for n := range o {
		names = append(names, n)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, n := range names {
		if strings.ContainsAny(o[n], "\"\x00\n") || strings.ContainsAny(n, " \"=\x00\n") {
			return "", fmt.Errorf("option %s=%q: a quote, a newline or NUL cannot be passed to a module", n, o[n])
		}
		fmt.Fprintf(&b, "%s=\"%s\" ", n, o[n])
	}
	return strings.TrimSpace(b.String()), nil
}

// Parameters returns the names of the parameters that a module file has, with
// their descriptions.
func Parameters(file string) (map[string]string, error) {
	f, err := elf.Open(file)
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", file, err)
	}
	defer f.Close()
	section := f.Section(".modinfo")
	if section == nil {
		return nil, fmt.Errorf("%s is no kernel module: it has no .modinfo", file)
	}
	info, err := section.Data()
	if err != nil {
		return nil, fmt.Errorf("module %s: %w", file, err)
	}
	return parameters(info), nil
}

func parameters(modinfo []byte) map[string]string {
	found := map[string]string{}
	for _, entry := range bytes.Split(modinfo, []byte{0}) {
		if text, ok := strings.CutPrefix(string(entry), "parm="); ok {
			if name, description, ok := strings.Cut(text, ":"); ok {
				found[name] = description
			}
		}
	}
	return found
}

// Load loads the module. The kernel would ignore an option that it does not
// know; here that is an error. The module listens in the network namespace of
// the calling thread.
func Load(file string, o Options) error {
	known, err := Parameters(file)
	if err != nil {
		return err
	}
	for name := range o {
		if _, ok := known[name]; !ok {
			return fmt.Errorf("module %s has no option %s", file, name)
		}
	}
	line, err := o.line()
	if err != nil {
		return err
	}
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.FinitModule(int(f.Fd()), line, 0); err != nil {
		return fmt.Errorf("load %s: %w%s", file, err, hint(err))
	}
	return nil
}

// hint says what an error of finit_module usually means.
func hint(err error) string {
	switch {
	case errors.Is(err, unix.EPERM):
		return " (root is needed, and a kernel that may load modules)"
	case errors.Is(err, unix.ENOEXEC):
		return " (it was built for another kernel: compare modinfo -F vermagic with uname -r)"
	case errors.Is(err, unix.EKEYREJECTED), errors.Is(err, unix.ENOKEY):
		return " (Secure Boot wants a signed module: run it in the virtual machine instead)"
	case errors.Is(err, unix.EEXIST):
		return " (it is loaded already)"
	case errors.Is(err, unix.EADDRINUSE):
		return " (the port is taken)"
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.EINVAL):
		return " (the kernel's log has the reason: dmesg | tail)"
	}
	return ""
}

// Loaded tells whether the module is in the kernel.
func Loaded() bool {
	_, err := os.Stat(sysDir)
	return err == nil
}

// References returns the module's reference count; connections hold none, so
// it is 0 except in the middle of loading.
func References() (int, error) {
	b, err := os.ReadFile(sysDir + "/refcnt")
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// Unload closes all connections and takes the module out. A module that is not
// there is no error.
func Unload() error {
	deadline := time.Now().Add(5 * time.Second)
	for {
		err := unix.DeleteModule(Name, unix.O_NONBLOCK)
		switch {
		case err == nil || errors.Is(err, unix.ENOENT):
			return nil
		case !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EBUSY):
			return fmt.Errorf("unload %s: %w", Name, err)
		case time.Now().After(deadline):
			refs, _ := References()
			return fmt.Errorf("unload %s: %w: %d references are held", Name, err, refs)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// Counters are the module's counters by name.
type Counters map[string]uint64

// ReadCounters reads the counters of the loaded module. It needs debugfs.
func ReadCounters() (Counters, error) {
	b, err := os.ReadFile(countersDir + "/counters")
	if errors.Is(err, fs.ErrNotExist) {
		if !Loaded() {
			return nil, fmt.Errorf("%s is not loaded", Name)
		}
		return nil, errors.New("no counters: mount -t debugfs debugfs /sys/kernel/debug")
	}
	if err != nil {
		return nil, err
	}
	return parseCounters(b)
}

func parseCounters(b []byte) (Counters, error) {
	c := Counters{}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		name, value, ok := strings.Cut(s.Text(), " ")
		n, err := strconv.ParseUint(value, 10, 64)
		if !ok || err != nil {
			return nil, fmt.Errorf("counter line %q: want name and number", s.Text())
		}
		c[name] = n
	}
	return c, nil
}

// String lists the counters, one per line, in the order of their names.
func (c Counters) String() string {
	names := make([]string, 0, len(c))
	for n := range c {
		names = append(names, n)
	}
	sort.Strings(names)
	var b strings.Builder
	for _, n := range names {
		fmt.Fprintf(&b, "%s %d\n", n, c[n])
	}
	return b.String()
}
