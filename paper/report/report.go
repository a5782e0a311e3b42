// SPDX-License-Identifier: Apache-2.0

// Package report makes one static site of what was measured: a first page with
// the claims, charts to play with and what each notebook answers, and a page for
// each executed notebook. It opens from the file system, without a network, and
// is the same bytes each time.
package report

import (
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"crossing/notebooks/analysis/runs"
	"crossing/paper/claims"
	"crossing/paper/render"
)

// charts is where Debian's package libjs-dygraphs keeps the library that draws
// in the browser.
const charts = "/usr/share/javascript/dygraphs"

//go:embed page.html first.html report.css report.js
var files embed.FS

// An Input is what a report is made of.
type Input struct {
	Notebooks string // folder with the executed notebooks, and their figures in its folder figures
	Sets      []*runs.Set
	Claims    []claims.Result
}

// first is what the first page shows.
type first struct {
	Claims    []template.HTML
	Charts    []chart
	Notebooks []page
	Data      []datasetLinks
}

// Build writes the site into the folder out, which is emptied first.
func Build(out string, in Input) error {
	if err := os.RemoveAll(out); err != nil {
		return err
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	for _, name := range []string{"dygraph.min.js", "dygraph.min.css"} {
		err := copyFile(filepath.Join(out, name), filepath.Join(charts, name))
		if errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("the charts' library is missing: install libjs-dygraphs (./setup.sh does): %w", err)
		}
		if err != nil {
			return err
		}
	}
	for _, name := range []string{"report.css", "report.js"} {
		b, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(out, name), b, 0o644); err != nil {
			return err
		}
	}
	pages, err := notebookPages(in.Notebooks)
	if err != nil {
		return err
	}
	if err := copyFigures(filepath.Join(out, "figures"), filepath.Join(in.Notebooks, "figures")); err != nil {
		return err
	}
	f := first{Notebooks: pages}
	for _, r := range in.Claims {
		html, err := render.HTML(r)
		if err != nil {
			return err
		}
		f.Claims = append(f.Claims, html)
	}
	for _, s := range in.Sets {
		if c := newChart(s); c != nil {
			f.Charts = append(f.Charts, *c)
		}
		d, err := copyDataset(out, s)
		if err != nil {
			return err
		}
		f.Data = append(f.Data, d)
	}
	body, err := execute("first.html", f)
	if err != nil {
		return err
	}
	if err := frame(filepath.Join(out, "index.html"), "Crossing", body, len(f.Charts) > 0); err != nil {
		return err
	}
	for _, p := range pages {
		if err := frame(filepath.Join(out, p.File), p.Title, p.body, false); err != nil {
			return err
		}
	}
	return nil
}

// frame writes a page around its body; only the first needs the charts.
func frame(name, title string, body template.HTML, charts bool) error {
	html, err := execute("page.html", map[string]any{"Title": title, "Body": body, "Charts": charts})
	if err != nil {
		return err
	}
	return os.WriteFile(name, []byte(html), 0o644)
}

func execute(name string, value any) (template.HTML, error) {
	t, err := template.ParseFS(files, name)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	err = t.Execute(&b, value)
	return template.HTML(b.String()), err
}

// copyFigures copies what the notebooks drew; without figures there are none.
func copyFigures(to, from string) error {
	entries, err := os.ReadDir(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		if err := copyFile(filepath.Join(to, e.Name()), filepath.Join(from, e.Name())); err != nil {
			return err
		}
	}
	return nil
}

func copyFile(to, from string) (err error) {
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	f, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	_, err = io.Copy(f, source)
	return err
}

// datasetLinks are what the first page links to.
type datasetLinks struct {
	ID, Title, About, Cite, Folder string
	Files                          []string
}

// copyDataset copies what describes a dataset and its table of runs; the
// requests stay where they are.
func copyDataset(out string, s *runs.Set) (datasetLinks, error) {
	d := datasetLinks{ID: s.Meta.ID(), Title: s.Meta.Title, About: s.Meta.About, Cite: s.Meta.Cite(), Folder: "data/" + s.Meta.Folder()}
	for _, name := range []string{"README.md", "datapackage.json", "CITATION.cff", "machine.json", "runs.parquet", "SHA256SUMS"} {
		err := copyFile(filepath.Join(out, d.Folder, name), filepath.Join(s.Dir, name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return d, err
		}
		d.Files = append(d.Files, name)
	}
	slices.Sort(d.Files)
	return d, nil
}
