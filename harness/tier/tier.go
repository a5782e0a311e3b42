// SPDX-License-Identifier: Apache-2.0

// Package tier reads tier files: what a server is, how it is started, how to
// tell that it is ready, and in which rows of the conformance kit it deviates.
//
// A file ends in .tier.yaml and is all that a server needs to stand in the
// study; there is no code to write.
package tier

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"go.yaml.in/yaml/v3"
)

// Suffix is how a tier file's name ends.
const Suffix = ".tier.yaml"

// ByKernel and ByServer are who can take the stages of requests.
const (
	ByKernel = "kernel"
	ByServer = "server"
)

// Boundaries are the three answers to the study's question, in its order.
var Boundaries = []string{"user", "kernel", "bypass"}

// Testbeds are the places where a tier can run.
var Testbeds = []string{"netns", "vm", "pair", "sriov"}

// A Tier is one server as its file declares it.
type Tier struct {
	Name     string `yaml:"name"`
	Boundary string `yaml:"boundary"`
	Title    string `yaml:"title"`

	Testbeds []string          `yaml:"testbeds"`
	Needs    Needs             `yaml:"needs"`
	Files    map[string]string `yaml:"files"`   // name in the state folder: template beside the tier file
	Options  map[string]string `yaml:"options"` // tunables and their values
	Env      map[string]string `yaml:"env"`
	Start    []string          `yaml:"start"` // argv of a process that stays in the foreground and ends on SIGTERM
	User     string            `yaml:"user"`  // nobody, unless the tier cannot do without root
	Ready    Ready             `yaml:"ready"`
	// Stages is who takes the stages of a traced run's requests: the kernel
	// (the default), or the server. That finds a file's name in its variable
	// STAGES and has written them there when it ends: CSV with the columns port,
	// offset and those points of the dataset's table stages that it has, each as
	// a time on CLOCK_MONOTONIC in ns.
	Stages string `yaml:"stages"`

	// Deviations say, by the name of a row of the conformance kit, what is
	// seen instead of what the row demands.
	Deviations map[string]string `yaml:"deviations"`

	// Folder holds the tier file and its templates.
	Folder string `yaml:"-"`
}

// Needs is what must be on the machine.
type Needs struct {
	Commands []string `yaml:"commands"` // looked up on PATH
	Packages []string `yaml:"packages"` // Debian's, that bring the commands
	Programs []string `yaml:"programs"` // of this project, in its bin folder
	Root     bool     `yaml:"root"`
}

// Ready says when the server counts as started.
type Ready struct {
	Path   string        `yaml:"path"`   // that must answer 200; /100 by default
	Within time.Duration `yaml:"within"` // 10 s by default
}

// Vars is what a tier's templates can name.
type Vars struct {
	Addr, IP, Port  string
	Root            string // document root
	State           string // a folder of this instance's own, with its log
	Bin, Repo       string
	Iface, MAC      string // the server's end of the wire
	PCI             string // of the function that DPDK has in place of Iface; empty: it makes its own
	PeerIP, PeerMAC string // the client's end
	CPUs            string // the server's, as taskset takes them
	Testbed         string
	Options         map[string]string
}

// ErrUnknown is returned for a tier that no file declares.
var ErrUnknown = errors.New("unknown tier")

var nameRE = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)

// Read reads and checks one tier file.
func Read(file string) (*Tier, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("tier file: %w", err)
	}
	t := &Tier{User: "nobody", Stages: ByKernel, Ready: Ready{Path: "/100", Within: 10 * time.Second}}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(t); err != nil {
		return nil, fmt.Errorf("tier file %s: %w", file, err)
	}
	if t.Folder, err = filepath.Abs(filepath.Dir(file)); err != nil {
		return nil, err
	}
	if err := t.check(); err != nil {
		return nil, fmt.Errorf("tier file %s: %w", file, err)
	}
	return t, nil
}

func (t *Tier) check() error {
	switch {
	case !nameRE.MatchString(t.Name):
		return fmt.Errorf("name %q: lower-case letters, digits and hyphens, first a letter", t.Name)
	case !slices.Contains(Boundaries, t.Boundary):
		return fmt.Errorf("boundary %q: one of %s", t.Boundary, strings.Join(Boundaries, ", "))
	case len(t.Start) == 0:
		return errors.New("start: no command")
	case len(t.Testbeds) == 0:
		return fmt.Errorf("testbeds: none; name at least one of %s", strings.Join(Testbeds, ", "))
	case t.Stages != ByKernel && t.Stages != ByServer:
		return fmt.Errorf("stages %q: %s or %s", t.Stages, ByKernel, ByServer)
	case t.Ready.Within <= 0:
		return fmt.Errorf("ready.within %v: must be positive", t.Ready.Within)
	}
	for _, b := range t.Testbeds {
		if !slices.Contains(Testbeds, b) {
			return fmt.Errorf("testbed %q: one of %s", b, strings.Join(Testbeds, ", "))
		}
	}
	_, err := t.Render(Vars{Options: t.Options})
	return err
}

// All reads every tier file below the given folders, sorted by boundary and
// name. Two tiers of one name are an error, as their data could not be told
// apart.
func All(folders ...string) ([]*Tier, error) {
	var all []*Tier
	for _, folder := range folders {
		err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, Suffix) {
				return err
			}
			t, err := Read(path)
			if err != nil {
				return err
			}
			for _, other := range all {
				if other.Name == t.Name {
					return fmt.Errorf("two tiers are named %s: in %s and %s; rename one", t.Name, other.Folder, t.Folder)
				}
			}
			all = append(all, t)
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortFunc(all, func(a, b *Tier) int {
		if x, y := slices.Index(Boundaries, a.Boundary), slices.Index(Boundaries, b.Boundary); x != y {
			return x - y
		}
		return strings.Compare(a.Name, b.Name)
	})
	return all, nil
}

// Find returns the tier of that name.
func Find(all []*Tier, name string) (*Tier, error) {
	names := make([]string, 0, len(all))
	for _, t := range all {
		if t.Name == name {
			return t, nil
		}
		names = append(names, t.Name)
	}
	return nil, fmt.Errorf("%w %q; there are %s (`harness tier new` writes a file for your own)", ErrUnknown, name, strings.Join(names, ", "))
}

// With returns the tier with some of its options set otherwise.
func (t *Tier) With(options map[string]string) (*Tier, error) {
	c := *t
	c.Options = make(map[string]string, len(t.Options))
	for k, v := range t.Options {
		c.Options[k] = v
	}
	for k, v := range options {
		if _, ok := t.Options[k]; !ok {
			return nil, fmt.Errorf("tier %s has no option %q; it has %s", t.Name, k, strings.Join(sortedKeys(t.Options), ", "))
		}
		c.Options[k] = v
	}
	return &c, nil
}

// A Rendered tier is one whose templates have been filled in.
type Rendered struct {
	Start []string
	Env   []string          // KEY=value, sorted
	Files map[string][]byte // name in the state folder: contents
}

// Render fills in the tier's templates.
func (t *Tier) Render(v Vars) (*Rendered, error) {
	v.Options = t.Options
	r := &Rendered{Files: map[string][]byte{}}
	for i, arg := range t.Start {
		b, err := render(fmt.Sprintf("start[%d]", i), arg, v)
		if err != nil {
			return nil, err
		}
		r.Start = append(r.Start, string(b))
	}
	for _, k := range sortedKeys(t.Env) {
		b, err := render("env "+k, t.Env[k], v)
		if err != nil {
			return nil, err
		}
		r.Env = append(r.Env, k+"="+string(b))
	}
	for name, source := range t.Files {
		text, err := os.ReadFile(filepath.Join(t.Folder, source))
		if err != nil {
			return nil, fmt.Errorf("files: %w", err)
		}
		if r.Files[name], err = render(source, string(text), v); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func render(name, text string, v Vars) ([]byte, error) {
	tmpl, err := template.New(name).Option("missingkey=error").Funcs(template.FuncMap{"split": strings.Fields}).Parse(text)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := tmpl.Execute(&b, v); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Missing says what this machine lacks for the tier and what brings it, or
// nothing. bin is the folder of the project's own programs.
func (t *Tier) Missing(bin string) string {
	for _, c := range t.Needs.Commands {
		if _, err := exec.LookPath(c); err != nil {
			if len(t.Needs.Packages) == 0 {
				return c + " is not here"
			}
			return fmt.Sprintf("%s is not here: apt-get install %s", c, strings.Join(t.Needs.Packages, " "))
		}
	}
	for _, p := range t.Needs.Programs {
		if _, err := os.Stat(filepath.Join(bin, p)); err != nil {
			if strings.HasSuffix(p, ".ko") {
				return p + " is built for the guest only: testbed vm"
			}
			return fmt.Sprintf("bin/%s is not built: make build", p)
		}
	}
	if t.Needs.Root && os.Geteuid() != 0 {
		return "it needs root"
	}
	return ""
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
