// SPDX-License-Identifier: Apache-2.0

package sriov

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestExampleIsRead(t *testing.T) {
	f, err := Read("example.yaml")
	must(t, err)
	if f.Server.SSH != "root@server.lab" || f.Client.Port != "enp3s0f1" || f.Server.CPUs[0] != 2 || f.Server.Module != "khttpd.ko" {
		t.Errorf("%+v", f)
	}
}

func TestFileRefuses(t *testing.T) {
	const good = "server: {ssh: root@a, port: eth0}\nclient: {port: eth1}\nwire: a cable\n"
	for _, c := range []struct{ from, to, want string }{
		{"port: eth0", "prot: eth0", "prot"},
		{"port: eth0", "port: ''", `server.port ""`},
		{"port: eth0", "port: 'eth0; reboot'", "server.port"},
		{"port: eth1", "port: a-name-that-is-too-long", "client.port"},
		{"wire: a cable", "", "wire: none"},
		{"port: eth0", "port: eth0, cpus: [-1]", "cpus: -1"},
		{"port: eth0", "port: eth0, folder: here", `server.folder "here"`},
		{"ssh: root@a, port: eth0", "port: eth0, options: [-v]", "server.options without server.ssh"},
		{"ssh: root@a, port: eth0", "port: eth1", "both eth1"},
	} {
		file := filepath.Join(t.TempDir(), "lab.yaml")
		must(t, os.WriteFile(file, []byte(strings.Replace(good, c.from, c.to, 1)), 0o644))
		if _, err := Read(file); err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: got %v, want %q and the file's name", c.to, err, c.want)
		}
	}
	if _, err := Read("nosuch.yaml"); err == nil || !strings.Contains(err.Error(), "nosuch.yaml") {
		t.Error(err)
	}
}
