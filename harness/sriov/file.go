// SPDX-License-Identifier: Apache-2.0

// Package sriov is the testbed of a real NIC: a server machine with an SR-IOV
// port and a client machine, or two ports of one machine, joined by a cable.
//
// On each machine runs an agent, `harness agent`: the server's is started by
// ssh, the client's and that of a server on the same machine as a child. It
// prepares its machine, notes each change before it makes it, and puts all back
// when the connection to the harness ends, for whatever reason. What an agent
// that was killed itself has left is put back by the next one, by `harness
// doctor --undo`, or by a boot.
//
// Every tier runs on one virtual function: under the kernel's driver, in a
// namespace of its own, or, where the tier bypasses the kernel, under vfio-pci.
package sriov

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"

	"go.yaml.in/yaml/v3"
)

// A File describes a testbed; example.yaml explains each field.
type File struct {
	Server   Server `yaml:"server"`
	Client   Client `yaml:"client"`
	Wire     string `yaml:"wire"`     // a description, for the dataset
	Emulator string `yaml:"emulator"` // a description, where the NIC is emulated
}

// A Server is the machine with the SR-IOV port.
type Server struct {
	SSH     string   `yaml:"ssh"`     // as ssh(1) takes it; empty: this machine
	Options []string `yaml:"options"` // more arguments for ssh
	Port    string   `yaml:"port"`    // the physical function's interface
	CPUs    []int    `yaml:"cpus"`
	Module  string   `yaml:"module"` // khttpd.ko, built for the server's kernel
	Folder  string   `yaml:"folder"` // where the programs are copied to
}

// A Client is this machine's end.
type Client struct {
	Port string `yaml:"port"`
	CPUs []int  `yaml:"cpus"`
}

var ifaceName = regexp.MustCompile(`^[A-Za-z0-9_.@-]{1,15}$`)

// Read reads a testbed's file.
func Read(name string) (*File, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("testbed: %w", err)
	}
	f := &File{Server: Server{Folder: "/var/tmp/crossing"}}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(f); err != nil {
		return nil, fmt.Errorf("testbed %s: %w", name, err)
	}
	if f.Server.Module != "" && !filepath.IsAbs(f.Server.Module) {
		f.Server.Module = filepath.Join(filepath.Dir(name), f.Server.Module)
	}
	if err := f.check(); err != nil {
		return nil, fmt.Errorf("testbed %s: %w", name, err)
	}
	return f, nil
}

func (f *File) check() error {
	s, c := &f.Server, &f.Client
	switch {
	case !ifaceName.MatchString(s.Port):
		return fmt.Errorf("server.port %q: the name of a network interface", s.Port)
	case !ifaceName.MatchString(c.Port):
		return fmt.Errorf("client.port %q: the name of a network interface", c.Port)
	case s.SSH == "" && len(s.Options) > 0:
		return errors.New("server.options without server.ssh: they are for ssh")
	case s.SSH == "" && s.Port == c.Port:
		return fmt.Errorf("server.port and client.port are both %s: on one machine the testbed takes two ports and a cable between them", s.Port)
	case !path.IsAbs(s.Folder):
		return fmt.Errorf("server.folder %q: an absolute path", s.Folder)
	case f.Wire == "":
		return errors.New("wire: none; describe what joins the ports, for the dataset")
	}
	for _, cpu := range append(append([]int{}, s.CPUs...), c.CPUs...) {
		if cpu < 0 {
			return fmt.Errorf("cpus: %d is none", cpu)
		}
	}
	return nil
}
