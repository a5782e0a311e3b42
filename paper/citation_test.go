// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"crossing/data/dataset"
	"crossing/internal/root"
)

// check holds files to their schemas and returns what is said of those that
// fail.
func check(t *testing.T, files ...string) (said string, ok bool) {
	t.Helper()
	script, err := os.Open("schemas/check.mjs")
	if err != nil {
		t.Fatal(err)
	}
	defer script.Close()
	args := []string{"--input-type=module", "-"}
	for _, f := range files {
		whole, err := filepath.Abs(f)
		if err != nil {
			t.Fatal(err)
		}
		args = append(args, whole)
	}
	cmd := exec.Command("node", args...)
	cmd.Dir, cmd.Stdin = "../.cache/schemas", script
	out, err := cmd.CombinedOutput()
	if _, ran := err.(*exec.ExitError); err != nil && !ran {
		t.Fatalf("%v: ./setup.sh installs Node.js and the schemas", err)
	}
	if strings.Contains(string(out), "ERR_MODULE_NOT_FOUND") {
		t.Fatalf("%s\n./setup.sh installs the schemas", out)
	}
	return string(out), err == nil
}

// TestCitationsAreValid: the project's citation, and citation and data package
// of every release, as the schemas demand.
func TestCitationsAreValid(t *testing.T) {
	released, err := dataset.Releases("../data")
	if err != nil {
		t.Fatal(err)
	}
	files := []string{"CITATION.cff"}
	for _, r := range released {
		files = append(files, filepath.Join(r.Dir("../data"), "CITATION.cff"), filepath.Join(r.Dir("../data"), "datapackage.json"))
	}
	if said, ok := check(t, files...); !ok {
		t.Error(said)
	}
}

// TestSchemasRefuse: the check can fail.
func TestSchemasRefuse(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"CITATION.cff", "cff-version: 1.2.0\nmessage: m\ntitle: t\n", "authors"},
		{"CITATION.cff", "cff-version: 1.2.0\nmessage: m\ntitle: t\nauthors: [{name: a}]\ntype: book\n", "enum"},
		{"datapackage.json", `{"name": "n"}`, "resources"},
		{"datapackage.json", `{"name": "A Name", "resources": [{"name": "r", "path": "p"}]}`, "does not match pattern"},
	} {
		file := filepath.Join(t.TempDir(), c.name)
		if err := os.WriteFile(file, []byte(c.text), 0o644); err != nil {
			t.Fatal(err)
		}
		if said, ok := check(t, file); ok || !strings.Contains(said, c.want) {
			t.Errorf("%s %q: said %q, want %q in it", c.name, c.text, said, c.want)
		}
	}
}

// zenodo is a deposit's metadata with the fields that this project fills, by
// Zenodo's REST documentation (Deposit metadata). No package that a registry
// carries has Zenodo's schema.
type zenodo struct {
	Title       string `json:"title"`
	UploadType  string `json:"upload_type"`
	Description string `json:"description"`
	Creators    []struct {
		Name        string `json:"name"`
		Affiliation string `json:"affiliation"`
		ORCID       string `json:"orcid"`
	} `json:"creators"`
	AccessRight string   `json:"access_right"`
	License     string   `json:"license"`
	Keywords    []string `json:"keywords"`
	Language    string   `json:"language"`
	Notes       string   `json:"notes"`
	Version     string   `json:"version"`
}

// valid returns what Zenodo would refuse.
func (z *zenodo) valid() error {
	switch {
	case z.Title == "" || z.Description == "" || len(z.Creators) == 0:
		return fmt.Errorf("title, description and creators must be there")
	case !slices.Contains([]string{"publication", "poster", "presentation", "dataset", "image", "video", "software", "lesson", "physicalobject", "other"}, z.UploadType):
		return fmt.Errorf("upload_type %q", z.UploadType)
	case !slices.Contains([]string{"open", "embargoed", "restricted", "closed"}, z.AccessRight):
		return fmt.Errorf("access_right %q", z.AccessRight)
	case !regexp.MustCompile(`^([a-z]{3})?$`).MatchString(z.Language):
		return fmt.Errorf("language %q is no code of ISO 639-3", z.Language)
	}
	for _, c := range z.Creators {
		if c.Name == "" {
			return fmt.Errorf("a creator has no name")
		}
	}
	return nil
}

func read(text []byte) (*zenodo, error) {
	var z zenodo
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(&z); err != nil {
		return nil, err
	}
	return &z, z.valid()
}

func TestZenodoRefuses(t *testing.T) {
	for _, text := range []string{
		`{"title": "t", "upload_type": "software", "description": "d", "access_right": "open"}`,
		`{"title": "t", "upload_type": "code", "description": "d", "access_right": "open", "creators": [{"name": "a"}]}`,
		`{"title": "t", "upload_type": "software", "description": "d", "access_right": "open", "creators": [{"name": "a"}], "authors": []}`,
		`{"title": "t", "upload_type": "software", "description": "d", "access_right": "public", "creators": [{"name": "a"}]}`,
	} {
		if _, err := read([]byte(text)); err == nil {
			t.Errorf("accepted: %s", text)
		}
	}
}

// TestCitationsAgree: the three places that say how to cite the project say the
// same.
func TestCitationsAgree(t *testing.T) {
	text, err := os.ReadFile(".zenodo.json")
	if err != nil {
		t.Fatal(err)
	}
	z, err := read(text)
	if err != nil {
		t.Fatal(err)
	}
	text, err = os.ReadFile("CITATION.cff")
	if err != nil {
		t.Fatal(err)
	}
	var cff struct {
		Title    string
		Version  string
		License  []string
		Keywords []string
		Authors  []struct{ Name string }
	}
	if err := yaml.Unmarshal(text, &cff); err != nil {
		t.Fatal(err)
	}
	if z.Title != cff.Title || !slices.Equal(z.Keywords, cff.Keywords) || len(cff.Authors) != 1 || cff.Authors[0].Name != z.Creators[0].Name || z.Creators[0].Name != dataset.Creator {
		t.Errorf("Zenodo's metadata %+v, CITATION.cff %+v, creator of the datasets %q", z, cff, dataset.Creator)
	}
	if cff.Version != root.Version || z.Version != root.Version {
		t.Errorf("version %s in CITATION.cff, %s for Zenodo, %s of the programs", cff.Version, z.Version, root.Version)
	}
	for _, l := range append(cff.License, z.License) {
		if _, err := os.Stat("../LICENSES/" + l + ".txt"); err != nil {
			t.Errorf("licence %s has no text: %v", l, err)
		}
	}
	log, err := os.ReadFile("../.github/CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(log), "\n## "+root.Version+" ") {
		t.Errorf("the changelog has no section %s", root.Version)
	}
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"@misc{crossing,", "title  = {" + cff.Title + "}", "author = {{" + dataset.Creator + "}}"} {
		if !strings.Contains(string(readme), want) {
			t.Errorf("the README's BibTeX entry lacks %q", want)
		}
	}
}
