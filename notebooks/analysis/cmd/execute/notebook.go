// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"
)

// A notebook is the part of nbformat 4 that is needed to check what an execution
// left.
type notebook struct {
	Cells []cell `json:"cells"`
}

type cell struct {
	ID      string   `json:"id"`
	Type    string   `json:"cell_type"`
	Source  text     `json:"source"`
	Outputs []output `json:"outputs"`
}

type output struct {
	Type string          `json:"output_type"`
	Name string          `json:"name"`
	Text text            `json:"text"`
	Data map[string]text `json:"data"`
}

// text is a string that nbformat also writes as a list of lines, or, in data,
// as any JSON.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	var lines []string
	if json.Unmarshal(b, &lines) == nil {
		*t = text(strings.Join(lines, ""))
		return nil
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		*t = text(s)
		return nil
	}
	*t = text(b)
	return nil
}

func readNotebook(name string) (*notebook, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	n := &notebook{}
	if err := json.NewDecoder(bytes.NewReader(b)).Decode(n); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return n, nil
}

// check finds what a zero exit status hides: the kernel loses an output now
// and then, and takes a failed shell command for a success.
func (n *notebook) check() error {
	for _, c := range n.Cells {
		if c.Type != "code" {
			continue
		}
		// What is shown in a loop may be shown no time at all.
		want, got := 0, 0
		for line := range strings.Lines(string(c.Source)) {
			if !strings.HasPrefix(line, "\t") {
				want += strings.Count(line, "show.")
			}
		}
		for _, o := range c.Outputs {
			switch o.Type {
			case "display_data", "execute_result":
				got++
			case "error":
				return fmt.Errorf("cell %q failed", c.ID)
			}
			if o.Type == "stream" && o.Name == "stderr" && strings.Contains(string(o.Text), "panic:") {
				return fmt.Errorf("cell %q panicked: %s", c.ID, o.Text)
			}
		}
		if got < want {
			return fmt.Errorf("cell %q shows %d things, but %d arrived", c.ID, want, got)
		}
	}
	return nil
}

// blame names the cell at which an execution stopped, by the source that
// nbconvert prints of it.
func (n *notebook) blame(messages string, limit time.Duration) string {
	for _, c := range n.Cells {
		if c.Type != "code" {
			continue
		}
		// Of a long cell whose time ran out it prints a list of its first lines.
		lines := strings.Split(strings.TrimSpace(string(c.Source)), "\n")
		head := make([]string, 0, 5)
		for _, l := range lines[:min(len(lines), 5)] {
			head = append(head, "'"+strings.ReplaceAll(l, "\t", `\t`)+"'")
		}
		out := strings.Contains(messages, "timed out while it was being executed")
		if strings.Contains(messages, string(c.Source)) || len(lines) > 10 && strings.Contains(messages, "["+strings.Join(head, ", ")+"]") {
			if out {
				return fmt.Sprintf("cell %q ran longer than %v", c.ID, limit)
			}
			return fmt.Sprintf("cell %q failed", c.ID)
		}
	}
	return "a cell failed"
}

// answers are the sentences that the notebook computed, in order.
func (n *notebook) answers() []string {
	var all []string
	for _, c := range n.Cells {
		if !strings.Contains(string(c.Source), "show.Say") && !strings.Contains(string(c.Source), "show.Answer") {
			continue
		}
		for _, o := range c.Outputs {
			if html, ok := o.Data["text/html"]; ok && strings.HasPrefix(string(html), "<p><strong>") {
				all = append(all, strings.TrimSpace(string(o.Data["text/plain"])))
			}
		}
	}
	return all
}
