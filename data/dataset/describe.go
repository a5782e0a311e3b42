// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"text/template"

	"crossing/internal/atomicfile"
)

// Meta describes a dataset.
type Meta struct {
	Name     string `json:"name"`    // folder below data/
	Version  string `json:"version"` // semantic version
	Title    string `json:"title"`
	About    string `json:"about"`    // how and where it was collected
	Use      string `json:"use"`      // what it may be used for
	NoUse    string `json:"no_use"`   // what it may not be used for
	Emulated bool   `json:"emulated"` // the NIC is emulated; every figure says so
	Date     string `json:"date"`     // of the collection's end, YYYY-MM-DD
}

// Creator is who a dataset is cited by.
const Creator = "The crossing maintainers"

// License of the datasets.
const License = "CC-BY-4.0"

// ID is name and version: "netns v1.0.0".
func (m Meta) ID() string { return m.Name + " v" + m.Version }

// Folder is the dataset's folder below the data folder.
func (m Meta) Folder() string { return filepath.Join(m.Name, "v"+m.Version) }

// A Field is one column as datapackage.json describes it.
type Field struct {
	Name        string `json:"name"`
	Type        string `json:"type"`
	Description string `json:"description"`
	Unit        string `json:"unit,omitempty"`
	// Constraints are those of the Table Schema; an empty value is a missing one
	// and always allowed.
	Constraints *Constraints `json:"constraints,omitempty"`
}

// Constraints are what a column's values keep to.
type Constraints struct {
	Enum    []string `json:"enum,omitempty"`
	Pattern string   `json:"pattern,omitempty"` // regular expression
}

// Columns lists the columns of a table: runs, requests or stages.
func Columns(table string) []Field {
	switch table {
	case "runs":
		return fields(reflect.TypeFor[Run]())
	case "requests":
		return append(fields(reflect.TypeFor[row]()), partitions...)
	case "stages":
		return append(fields(reflect.TypeFor[stageRow]()), partitions...)
	}
	return nil
}

// partitions are the columns that the folders' names hold.
var partitions = []Field{
	{Name: "tier", Type: "string", Description: "from the folder: the run's tier"},
	{Name: "load", Type: "string", Description: "from the folder: the run's load"},
	{Name: "file", Type: "string", Description: "from the folder: the run's file"},
}

func fields(t reflect.Type) []Field {
	var out []Field
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("parquet"), ",")
		kind := map[reflect.Kind]string{reflect.String: "string", reflect.Bool: "boolean", reflect.Float64: "number"}[f.Type.Kind()]
		if kind == "" {
			kind = "integer"
		}
		out = append(out, Field{name, kind, f.Tag.Get("doc"), f.Tag.Get("unit"), constraints(f.Tag)})
	}
	return out
}

func constraints(tag reflect.StructTag) *Constraints {
	c := Constraints{Pattern: tag.Get("pattern")}
	if enum := tag.Get("enum"); enum != "" {
		c.Enum = strings.Split(enum, ",")
	}
	if c.Enum == nil && c.Pattern == "" {
		return nil
	}
	return &c
}

// describe writes datapackage.json (Frictionless Data Package v1), the
// datasheet and the citation.
func describe(dir string, m Meta, runs []Run) error {
	type schema struct {
		Fields []Field `json:"fields"`
	}
	type resource struct {
		Name   string `json:"name"`
		Path   any    `json:"path"`
		Format string `json:"format"`
		Media  string `json:"mediatype"`
		About  string `json:"description"`
		Schema schema `json:"schema"`
	}
	var requests, stages []string
	for i := range runs {
		if runs[i].Outcome == Failed {
			continue
		}
		requests = append(requests, runs[i].RequestsFile())
		if runs[i].Stages > 0 {
			stages = append(stages, runs[i].StagesFile())
		}
	}
	slices.Sort(requests)
	slices.Sort(stages)
	const media = "application/vnd.apache.parquet"
	resources := []resource{{"runs", runsName, "parquet", media, "one row per run", schema{Columns("runs")}}}
	if len(requests) > 0 {
		resources = append(resources, resource{"requests", requests, "parquet", media, "one row per request", schema{Columns("requests")}})
	}
	if len(stages) > 0 {
		resources = append(resources, resource{"stages", stages, "parquet", media, "one row per request of a traced run: the server's side", schema{Columns("stages")}})
	}
	pkg := map[string]any{
		"name": m.Name, "version": m.Version, "title": m.Title, "description": m.About, "created": m.Date + "T00:00:00Z",
		"licenses":     []map[string]string{{"name": License, "path": "https://creativecommons.org/licenses/by/4.0/", "title": "Creative Commons Attribution 4.0"}},
		"contributors": []map[string]string{{"title": Creator, "role": "author"}},
		"keywords":     []string{"HTTP", "latency", "kernel bypass", "DPDK", "kernel module", "open loop", "tail latency"},
		"resources":    resources,
		"crossing":     m,
	}
	b, err := json.MarshalIndent(pkg, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, packageName), append(b, '\n')); err != nil {
		return err
	}
	if err := atomicfile.Write(filepath.Join(dir, "CITATION.cff"), citation(m)); err != nil {
		return err
	}
	sheet, err := datasheet(m, runs)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, "README.md"), sheet)
}

var sheetTemplate = template.Must(template.New("datasheet").Parse(`# {{.Title}}

{{.ID}}{{if .Emulated}} · **collected on an emulated NIC in virtual time**: it counts instructions and shows mechanisms; it says nothing of caches, PCIe or true parallelism{{end}}

{{.About}}

| | |
| --- | --- |
| runs | {{.N}}: {{.OK}} ok, {{.Rejected}} rejected, {{.Failed}} failed |
| requests in the steady state | {{.Requests}} |
| blocks | {{.Blocks}} |
| tiers | {{.Tiers}} |
| loads | {{.Loads}} |
| files | {{.Files}} |
| collected until | {{.Date}} |
| licence | ` + License + ` |

**May be used for** {{.Use}}

**May not be used for** {{.NoUse}}

## Reading it

` + "```sql" + `
SELECT tier, load, quantile_disc(lateness_ns + ttfb_ns + transfer_ns, 0.99) AS p99_ns
FROM read_parquet('requests/**/*.parquet', hive_partitioning = true)
WHERE NOT warmup AND failure = 'none' GROUP BY ALL ORDER BY ALL;
` + "```" + `

The run is the unit of replication: quantiles of pooled requests have no valid
interval. Compare within blocks. datapackage.json describes every column;
SHA256SUMS proves every byte.
`))

func datasheet(m Meta, runs []Run) ([]byte, error) {
	v := struct {
		Meta
		N, OK, Rejected, Failed, Blocks int
		Requests                        int64
		Tiers, Loads, Files             string
	}{Meta: m, N: len(runs)}
	blocks := map[int32]bool{}
	var tiers, loads, files []string
	for i := range runs {
		r := &runs[i]
		switch r.Outcome {
		case OK:
			v.OK++
		case Rejected:
			v.Rejected++
		default:
			v.Failed++
		}
		v.Requests += r.Requests
		blocks[r.Block] = true
		tiers, loads, files = add(tiers, r.Tier), add(loads, r.Load), add(files, r.File)
	}
	v.Blocks = len(blocks)
	v.Tiers, v.Loads, v.Files = strings.Join(tiers, ", "), strings.Join(loads, ", "), strings.Join(files, ", ")
	var b bytes.Buffer
	err := sheetTemplate.Execute(&b, v)
	return b.Bytes(), err
}

func add(list []string, s string) []string {
	i, found := slices.BinarySearch(list, s)
	if found {
		return list
	}
	return slices.Insert(list, i, s)
}

// citation is a CITATION.cff, version 1.2.0 of the Citation File Format.
func citation(m Meta) []byte {
	return fmt.Appendf(nil, `cff-version: 1.2.0
message: "If you use this dataset, please cite it as below."
type: dataset
title: %q
version: %q
date-released: %q
authors:
  - name: %q
license: %s
`, m.Title+" ("+m.Name+")", m.Version, m.Date, Creator, License)
}

// Cite is how to cite the dataset: as text and as BibTeX.
func (m Meta) Cite() string {
	year, _, _ := strings.Cut(m.Date, "-")
	return fmt.Sprintf(`%[1]s (%[2]s). %[3]s. Dataset %[4]s, version %[5]s.

@misc{crossing-%[4]s-%[5]s,
  author  = {{%[1]s}},
  title   = {%[3]s},
  year    = {%[2]s},
  note    = {Dataset %[4]s},
  version = {%[5]s}
}
`, Creator, year, m.Title, m.Name, m.Version)
}
