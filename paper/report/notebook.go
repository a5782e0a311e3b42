// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"html"
	"html/template"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"crossing/notebooks/analysis/show"
)

// python is Debian's: another python3 on PATH may lack nbconvert.
const python = "/usr/bin/python3"

// A page is one executed notebook.
type page struct {
	File, Title string
	Answers     []string // the sentences that it computed
	Figures     []string // files below the site, without their ending
	body        template.HTML
}

// notebookPages converts the executed notebooks of a folder. nbconvert writes
// the bodies only: its own head links to scripts outside of the site.
func notebookPages(dir string) ([]page, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.ipynb"))
	if err != nil {
		return nil, err
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("no executed notebook in %s: `make figures` executes them", dir)
	}
	bodies, err := os.MkdirTemp("", "report-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(bodies)
	var linked []string
	for _, name := range names {
		to := filepath.Join(bodies, filepath.Base(name))
		if err := linkFigures(name, to); err != nil {
			return nil, err
		}
		linked = append(linked, to)
	}
	cmd := exec.Command(python, append([]string{"-m", "nbconvert", "--to", "html", "--template", "basic", "--output-dir", bodies}, linked...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("nbconvert: %w\n%s", err, out)
	}
	var pages []page
	for _, name := range names {
		p, err := describe(name)
		if err != nil {
			return nil, err
		}
		base := strings.TrimSuffix(filepath.Base(name), ".ipynb")
		p.File = base + ".html"
		body, err := os.ReadFile(filepath.Join(bodies, p.File))
		if err != nil {
			return nil, err
		}
		p.body = template.HTML(body)
		for _, f := range p.Figures {
			// A figure that the notebook shows but did not save has no file to link to.
			if _, err := os.Stat(filepath.Join(dir, "figures", f+".svg")); err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
		}
		pages = append(pages, p)
	}
	return pages, nil
}

// linkFigures copies a notebook; in place of its figures the copy has links to
// their files. nbconvert takes an SVG image for text that may do harm, and
// leaves nothing of it but its words.
func linkFigures(name, to string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var n map[string]any
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	cells, _ := n["cells"].([]any)
	for _, c := range cells {
		c, _ := c.(map[string]any)
		outputs, _ := c["outputs"].([]any)
		for _, o := range outputs {
			o, _ := o.(map[string]any)
			data, _ := o["data"].(map[string]any)
			figure, ok := data[show.FigureMIME].(string)
			if !ok {
				continue
			}
			var text lines
			if b, err := json.Marshal(data["text/plain"]); err != nil || json.Unmarshal(b, &text) != nil {
				return fmt.Errorf("%s: figure %s has no text", name, figure)
			}
			o["data"] = map[string]any{"text/html": fmt.Sprintf(`<img src="figures/%s.svg" alt="%s">`, html.EscapeString(figure), html.EscapeString(string(text)))}
		}
	}
	if b, err = json.Marshal(n); err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}

// describe reads a notebook's title, answers and figures.
func describe(name string) (page, error) {
	b, err := os.ReadFile(name)
	if err != nil {
		return page{}, err
	}
	var n struct {
		Cells []struct {
			Source  lines
			Outputs []struct {
				Data map[string]lines
			}
		}
	}
	if err := json.Unmarshal(b, &n); err != nil {
		return page{}, fmt.Errorf("%s: %w", name, err)
	}
	p := page{Title: strings.TrimSuffix(filepath.Base(name), ".ipynb")}
	for i, c := range n.Cells {
		if title, ok := strings.CutPrefix(string(c.Source), "# "); ok && i == 0 {
			p.Title, _, _ = strings.Cut(title, "\n")
		}
		for _, o := range c.Outputs {
			if strings.HasPrefix(string(o.Data["text/html"]), "<p><strong>") {
				p.Answers = append(p.Answers, strings.TrimSpace(string(o.Data["text/plain"])))
			}
			if name := string(o.Data[show.FigureMIME]); name != "" {
				p.Figures = append(p.Figures, name)
			}
		}
	}
	return p, nil
}

// lines is a text that nbformat writes as one string or as a list of lines.
type lines string

// UnmarshalJSON implements json.Unmarshaler.
func (l *lines) UnmarshalJSON(b []byte) error {
	var list []string
	if json.Unmarshal(b, &list) == nil {
		*l = lines(strings.Join(list, ""))
		return nil
	}
	var s string
	if json.Unmarshal(b, &s) == nil {
		*l = lines(s)
		return nil
	}
	*l = lines(bytes.TrimSpace(b))
	return nil
}
