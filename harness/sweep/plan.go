// SPDX-License-Identifier: Apache-2.0

// Package sweep collects a dataset: a plan's cells, each once in every block,
// in a random order that is part of the data.
package sweep

import (
	"bytes"
	"cmp"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"crossing/harness/load"
	"crossing/harness/testbed"
	"crossing/harness/tier"
	"crossing/servers/site"
)

// A Plan says what is collected.
type Plan struct {
	Name    string `yaml:"name" json:"name"` // of the dataset
	Title   string `yaml:"title" json:"title"`
	About   string `yaml:"about" json:"about"`
	Testbed string `yaml:"testbed" json:"testbed"` // netns, vm or sriov
	// Steering, on netns, is the CPU that handles received frames: the receiving
	// end's own by default.
	Steering testbed.Steering `yaml:"steering" json:"steering,omitempty"`

	Tiers       []TierChoice  `yaml:"tiers" json:"tiers"`
	Connections []int         `yaml:"connections" json:"connections"` // closed loops
	Open        *Open         `yaml:"open" json:"open,omitempty"`     // open loops beside them
	Files       []string      `yaml:"files" json:"files"`             // names without the slash
	Blocks      int           `yaml:"blocks" json:"blocks"`
	WarmUp      time.Duration `yaml:"warmup" json:"warmup"`
	Duration    time.Duration `yaml:"duration" json:"duration"`
	Seed        uint64        `yaml:"seed" json:"seed"`
	Mode        load.Mode     `yaml:"mode" json:"mode"`
	Workers     int           `yaml:"workers" json:"workers"`
	Client      Client        `yaml:"client" json:"client,omitempty"`
	Stamps      bool          `yaml:"stamps" json:"stamps"`
	// Trace adds to every cell a second one with the stage tracer on, so that
	// what the tracer costs is known.
	Trace bool `yaml:"trace" json:"trace"`
	// VM describes the guest of the vm testbed.
	VM VM `yaml:"vm" json:"vm"`
	// Only, where it is set, picks by their names the cells of the design that
	// are run.
	Only *regexp.Regexp `yaml:"-" json:"-"`
}

// A TierChoice is a tier, by name, with some of its options set otherwise.
type TierChoice struct {
	Tier    string            `yaml:"tier" json:"tier"`
	As      string            `yaml:"as" json:"as"` // label in the dataset; the tier's name by default
	Options map[string]string `yaml:"options" json:"options,omitempty"`
	VM      *VM               `yaml:"vm" json:"vm,omitempty"` // a guest unlike the plan's
	// Steering unlike the plan's.
	Steering testbed.Steering `yaml:"steering" json:"steering,omitempty"`
	// Client unlike the plan's.
	Client Client `yaml:"client" json:"client,omitempty"`
	// Duration of this tier's runs, where a slow one needs more than the plan's.
	Duration time.Duration `yaml:"duration" json:"duration,omitempty"`
}

// UnmarshalYAML takes a bare name, too.
func (c *TierChoice) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		return n.Decode(&c.Tier)
	}
	type plain TierChoice
	return n.Decode((*plain)(c))
}

// A Client is what makes the load.
type Client string

const (
	// Sockets of the kernel, the load generator's own.
	Sockets Client = "sockets"
	// Frames of a TCP/IP stack in user space on the port itself (dpdkload): no
	// kernel at the client's end, so that its cost does not hide the server's. It
	// makes closed loops from one process.
	Frames Client = "frames"
)

// Open describes open loops at shares of each tier's own capacity, which is
// found first, in closed loops of their own.
type Open struct {
	Shares      []float64 `yaml:"shares" json:"shares"`           // of the capacity, between 0 and 1
	Connections int       `yaml:"connections" json:"connections"` // that requests are spread over
	Arrivals    string    `yaml:"arrivals" json:"arrivals"`       // poisson or fixed
}

// VM describes the guest that cells of the vm testbed run in.
type VM struct {
	Shift   int  `yaml:"shift" json:"shift"`       // virtual ns per instruction, as a power of two
	SameCPU bool `yaml:"same_cpu" json:"same_cpu"` // client and server on one CPU
	// Apart gives each tier of a block a guest of its own, so that its runs can
	// be repeated without the others'.
	Apart bool `yaml:"apart" json:"apart,omitempty"`
}

//go:embed plans/*.yaml
var profiles embed.FS

// Profiles are the plans that come with the program.
func Profiles() []string {
	files, err := profiles.ReadDir("plans")
	if err != nil {
		panic(err) // they are part of the program
	}
	var names []string
	for _, f := range files {
		names = append(names, strings.TrimSuffix(f.Name(), ".yaml"))
	}
	return names
}

// ProfileText is the YAML of a profile.
func ProfileText(name string) ([]byte, error) {
	b, err := profiles.ReadFile("plans/" + name + ".yaml")
	if err != nil {
		return nil, fmt.Errorf("no plan is named %q; there are %s", name, strings.Join(Profiles(), ", "))
	}
	return b, nil
}

// ReadPlan reads a plan from a file, or the profile of that name. A file that
// ends in .json is the design of a dataset.
func ReadPlan(name string) (*Plan, error) {
	b, err := os.ReadFile(name)
	if err == nil && filepath.Ext(name) == ".json" {
		p := &Plan{}
		if err := json.Unmarshal(b, p); err != nil {
			return nil, fmt.Errorf("design %s: %w", name, err)
		}
		return p, p.check()
	}
	if err != nil && filepath.Ext(name) == "" {
		var known error
		if b, known = ProfileText(name); known == nil {
			err = nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("plan: %w; the profiles are %s", err, strings.Join(Profiles(), ", "))
	}
	return parsePlan(name, b)
}

func parsePlan(name string, b []byte) (*Plan, error) {
	p := &Plan{Testbed: "netns", Seed: 1, Workers: 1, VM: VM{Shift: 1}}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(p); err != nil {
		return nil, fmt.Errorf("plan %s: %w", name, err)
	}
	for i := range p.Tiers {
		if p.Tiers[i].As == "" {
			p.Tiers[i].As = p.Tiers[i].Tier
		}
	}
	if p.Testbed == "netns" && p.Steering == "" {
		p.Steering = testbed.ByOwner
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("plan %s: %w", name, err)
	}
	return p, nil
}

func (p *Plan) check() error {
	switch {
	case p.Name == "":
		return errors.New("name: none")
	case !slices.Contains(tier.Testbeds, p.Testbed):
		return fmt.Errorf("testbed %q: one of %s", p.Testbed, strings.Join(tier.Testbeds, ", "))
	case len(p.Tiers) == 0:
		return errors.New("tiers: none")
	case len(p.Connections) == 0 && p.Open == nil:
		return errors.New("connections: none, and no open loop")
	case len(p.Files) == 0:
		return errors.New("files: none")
	case p.Trace && p.Testbed == "sriov":
		return errors.New("trace: stages are joined by times, and the two machines of sriov have no clock in common; trace on netns or vm")
	case p.Steering != "" && p.Testbed != "netns":
		return fmt.Errorf("steering: it is for testbed netns; on %s the ports' interrupts decide", p.Testbed)
	case p.Blocks < 1:
		return fmt.Errorf("blocks %d: at least 1", p.Blocks)
	case p.Duration <= 0:
		return fmt.Errorf("duration %v: must be positive", p.Duration)
	case p.WarmUp < 0:
		return fmt.Errorf("warmup %v: must not be negative", p.WarmUp)
	}
	for _, n := range p.Connections {
		if n < 1 || n > load.MaxConnections {
			return fmt.Errorf("connections %d: from 1 to %d", n, load.MaxConnections)
		}
	}
	for _, f := range p.Files {
		if _, err := fileNamed(f); err != nil {
			return err
		}
	}
	for _, t := range p.Tiers {
		if t.Duration < 0 {
			return fmt.Errorf("tier %s: duration %v: must be positive", t.As, t.Duration)
		}
		if err := p.checkClient(&t); err != nil {
			return fmt.Errorf("tier %s: %w", t.As, err)
		}
		switch s := p.steering(&t); {
		case p.Testbed != "netns" && s != "":
			return fmt.Errorf("tier %s: steering: it is for testbed netns", t.As)
		case s != "" && !slices.Contains(testbed.Steerings, s):
			return fmt.Errorf("steering %q: one of %s", s, strings.Join(each(testbed.Steerings, func(s testbed.Steering) string { return string(s) }), ", "))
		}
	}
	if o := p.Open; o != nil {
		if o.Connections < 1 || o.Connections > load.MaxConnections {
			return fmt.Errorf("open.connections %d: from 1 to %d", o.Connections, load.MaxConnections)
		}
		if o.Arrivals != "poisson" && o.Arrivals != "fixed" {
			return fmt.Errorf("open.arrivals %q: poisson or fixed", o.Arrivals)
		}
		for _, s := range o.Shares {
			if s <= 0 || s >= 1 {
				return fmt.Errorf("open.shares %v: between 0 and 1", s)
			}
		}
	}
	return p.distinct()
}

// distinct returns an error if a block has two cells of one name, whichever list
// names something twice: their runs would be stored in one file.
func (p *Plan) distinct() error {
	for _, list := range []struct {
		what   string
		values []string
		remedy string
	}{
		{"tiers", each(p.Tiers, func(t TierChoice) string { return t.As }), "; set `as:` to tell them apart"},
		{"connections", each(p.Connections, strconv.Itoa), ""},
		{"files", p.Files, ""},
		{"open.shares", each(p.shares(), func(s float64) string { return (&Cell{Share: s}).Load() }), ""},
	} {
		seen := map[string]bool{}
		for _, v := range list.values {
			if seen[v] {
				return fmt.Errorf("%s: %s is listed twice%s", list.what, v, list.remedy)
			}
			seen[v] = true
		}
	}
	names := map[string]bool{}
	for _, c := range p.block(0) {
		if names[c.Name()] {
			return fmt.Errorf("two cells are named %s: label the tiers otherwise", c.Name())
		}
		names[c.Name()] = true
	}
	return nil
}

func (p *Plan) checkClient(t *TierChoice) error {
	c := p.client(t)
	switch {
	case c == Sockets:
		return nil
	case c != Frames:
		return fmt.Errorf("client %q: one of %s, %s", c, Sockets, Frames)
	case p.Testbed != "netns":
		return fmt.Errorf("client %s: it is for testbed netns", c)
	case p.Open != nil || p.Stamps || p.Workers > 1:
		return fmt.Errorf("client %s: it makes closed loops from one process, without the kernel's stamps: leave out open, stamps, workers", c)
	}
	return nil
}

// client is that of a tier's cells.
func (p *Plan) client(t *TierChoice) Client {
	return cmp.Or(t.Client, p.Client, Sockets)
}

// steering is that of a tier's cells. The designs of datasets before 2.0 name
// none: then the kernel's default held.
func (p *Plan) steering(t *TierChoice) testbed.Steering {
	if t.Steering != "" {
		return t.Steering
	}
	if p.Steering == "" && p.Testbed == "netns" {
		return testbed.BySender
	}
	return p.Steering
}

func (p *Plan) shares() []float64 {
	if p.Open == nil {
		return nil
	}
	return p.Open.Shares
}

func each[T any](values []T, text func(T) string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = text(v)
	}
	return out
}

// Override replaces the plan's tiers and number of blocks by those of a command
// line; empty and 0 leave them. The plan is checked again.
func (p *Plan) Override(tiers []string, blocks int) error {
	if len(tiers) > 0 {
		p.Tiers = nil
		for _, name := range tiers {
			p.Tiers = append(p.Tiers, TierChoice{Tier: name, As: name})
		}
	}
	if blocks != 0 {
		p.Blocks = blocks
	}
	return p.check()
}

// OnSRIOV turns the plan of another testbed into one for sriov; wire describes
// the cable.
func (p *Plan) OnSRIOV(wire string) error {
	if p.Testbed != "sriov" {
		p.About = fmt.Sprintf("Collected by the plan of %s on the testbed sriov: %s.", p.Name, wire)
		p.Name, p.Title, p.Testbed = p.Name+"-sriov", "User space, kernel and bypass on a virtual function of a NIC", "sriov"
	}
	p.Steering = ""
	for i := range p.Tiers {
		p.Tiers[i].Steering = ""
	}
	return p.check()
}

func fileNamed(name string) (site.File, error) {
	var names []string
	for _, f := range site.Files {
		if f.Path == "/"+name {
			return f, nil
		}
		names = append(names, strings.TrimPrefix(f.Path, "/"))
	}
	return site.File{}, fmt.Errorf("file %q is not of the site; it has %s", name, strings.Join(names, ", "))
}
