// SPDX-License-Identifier: Apache-2.0

package dataset

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
)

// draw makes requests of every sort, the odd ones included.
func draw(seed uint64, n int) []Request {
	rng := rand.New(rand.NewPCG(seed, 1))
	requests := make([]Request, n)
	for i := range requests {
		r := &requests[i]
		r.Conn = int32(rng.IntN(4))
		r.Port = uint16(40000 + r.Conn)
		r.Offset = int64(i) * 60
		r.IntendedNs = int64(i)*1000 + rng.Int64N(900)
		r.SentNs = r.IntendedNs + rng.Int64N(50)
		r.FirstByteNs = r.SentNs + 20_000 + rng.Int64N(1<<rng.IntN(20))
		r.LastByteNs = r.FirstByteNs + rng.Int64N(100)
		r.Bytes, r.Status = 100, 200
		r.WarmUp = i < n/10
		if rng.IntN(5) == 0 {
			r.StampNs = r.LastByteNs - 1 - rng.Int64N(1000)
		}
		if rng.IntN(50) == 0 {
			*r = Request{Conn: r.Conn, IntendedNs: r.IntendedNs, SentNs: r.SentNs, Failure: Failure(1 + rng.IntN(int(failures)-1))}
		}
	}
	return requests
}

func byConnection(a, b Request) int {
	if a.Conn != b.Conn {
		return int(a.Conn - b.Conn)
	}
	return int(a.IntendedNs - b.IntendedNs)
}

func TestRequestsComeBackAsTheyWere(t *testing.T) {
	for _, n := range []int{0, 1, 1000, 70_000} {
		want := draw(uint64(n), n)
		var b bytes.Buffer
		if err := WriteRequests(&b, want); err != nil {
			t.Fatal(err)
		}
		got, err := ReadRequests(bytes.NewReader(b.Bytes()), int64(b.Len()))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortFunc(want, byConnection)
		slices.SortFunc(got, byConnection)
		if diff := cmp.Diff(want, got); n > 0 && diff != "" {
			t.Errorf("%d requests: %s", n, diff[:min(len(diff), 2000)])
		}
	}
}

func TestBytesDoNotDependOnTheOrderOfRows(t *testing.T) {
	requests := draw(1, 5000)
	var a, b bytes.Buffer
	_ = WriteRequests(&a, requests)
	rand.New(rand.NewPCG(2, 2)).Shuffle(len(requests), func(i, j int) { requests[i], requests[j] = requests[j], requests[i] })
	_ = WriteRequests(&b, requests)
	if !bytes.Equal(a.Bytes(), b.Bytes()) {
		t.Error("the same rows in another order gave other bytes")
	}
}

func TestLatenciesAreThoseOfTheRequests(t *testing.T) {
	d := collect(t, t.TempDir())
	for i := range d.Runs() {
		r := &d.Runs()[i]
		requests, err := d.Requests(r)
		if err != nil {
			t.Fatal(err)
		}
		stamped, err := d.Stamped(r)
		if want := slices.ContainsFunc(requests, func(q Request) bool { return q.StampNs != 0 }); err != nil || stamped != want {
			t.Errorf("run %s: stamped %v, want %v (%v)", r.Run, stamped, want, err)
		}
		for _, kind := range []Latency{Response, Service} {
			var want []int64
			for j := range requests {
				q := &requests[j]
				if q.OK() && !q.WarmUp {
					if kind == Response {
						want = append(want, q.ResponseNs())
					} else {
						want = append(want, q.ServiceNs())
					}
				}
			}
			got, err := d.Latencies(r, kind, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(got, want) {
				t.Errorf("run %s: %d latencies, want %d, or their values differ", r.Run, len(got), len(want))
			}
		}
	}
}

func testRun(block int32, tier string, requests []Request) Run {
	r := Run{Run: tier + "-" + string('0'+rune(block)), Block: block, Tier: tier, Load: "c4", File: "100", Outcome: OK}
	for i := range requests {
		if requests[i].OK() && !requests[i].WarmUp {
			r.Requests++
		}
	}
	return r
}

// collect makes a small finished dataset in dir/v0.1.0.
func collect(t *testing.T, dir string) *Dataset {
	t.Helper()
	w, err := Create(filepath.Join(dir, "small", "v0.1.0"), "design")
	if err != nil {
		t.Fatal(err)
	}
	for block := range int32(2) {
		for _, tier := range []string{"nginx", "dpdk"} {
			requests := draw(uint64(block), 3000)
			for i := range requests {
				if tier == "dpdk" {
					requests[i].StampNs = 0 // no kernel to stamp them
				}
			}
			if err := w.Add(testRun(block, tier, requests), requests, nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Add(Run{Run: "bad", Tier: "flask", Load: "c4", File: "100", Outcome: Failed, Error: "did not start"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(Meta{Name: "small", Version: "0.1.0", Title: "Small", Date: "2026-01-01"}, map[string]string{"cpu": "none"}); err != nil {
		t.Fatal(err)
	}
	d, err := Open(filepath.Join(dir, "small", "v0.1.0"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestVerifyFindsEveryFlippedBit(t *testing.T) {
	d := collect(t, t.TempDir())
	if err := Verify(d.Dir); err != nil {
		t.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(7, 7))
	err := filepath.WalkDir(d.Dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for range 8 {
			at, bit := rng.IntN(len(b)), byte(1)<<rng.IntN(8)
			b[at] ^= bit
			if err := os.WriteFile(path, b, 0o644); err != nil {
				return err
			}
			if Verify(d.Dir) == nil {
				t.Errorf("%s: bit %d of byte %d flipped, and not found", e.Name(), bit, at)
			}
			b[at] ^= bit
		}
		return os.WriteFile(path, b, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := Verify(d.Dir); err != nil {
		t.Errorf("after all was put back: %v", err)
	}
}

func TestVerifyNamesTheFault(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(dir string) error
		want  string
	}{
		{"file missing", func(dir string) error { return os.Remove(filepath.Join(dir, machineName)) }, "machine.json: missing"},
		{"file too many", func(dir string) error { return os.WriteFile(filepath.Join(dir, "stray"), nil, 0o644) }, "stray: a file that the dataset does not have"},
		{"Parquet cut short", func(dir string) error { return os.Truncate(filepath.Join(dir, runsName), 100) }, "runs.parquet: SHA-256"},
		{"checksum list gone", func(dir string) error { return os.Remove(filepath.Join(dir, sumsName)) }, "SHA256SUMS"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := collect(t, t.TempDir())
			if err := c.spoil(d.Dir); err != nil {
				t.Fatal(err)
			}
			if err := Verify(d.Dir); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestTruncatedParquetIsOneClearError(t *testing.T) {
	d := collect(t, t.TempDir())
	r := &d.Runs()[0]
	if err := os.Truncate(d.file(r.RequestsFile()), 300); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{second(d.Requests(r)), second(d.Latencies(r, Response, nil))} {
		if err == nil || !strings.Contains(err.Error(), "block=00.parquet") || !strings.Contains(err.Error(), "data verify") {
			t.Errorf("got %v; want the file's name and the remedy", err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestCollectionGoesOnAfterDeath(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d", "v0.1.0")
	w, err := Create(dir, "design")
	if err != nil {
		t.Fatal(err)
	}
	requests := draw(1, 100)
	if err := w.Add(testRun(0, "nginx", requests), requests, nil); err != nil {
		t.Fatal(err)
	}
	// Death in the middle of the next run: a torn journal line, a file
	// without its line, a file half written.
	torn := filepath.Join(w.Partial(), "requests", "tier=dpdk")
	_ = os.MkdirAll(torn, 0o755)
	_ = os.WriteFile(filepath.Join(torn, "block=00.parquet"), []byte("PAR1"), 0o644)
	_ = os.WriteFile(filepath.Join(torn, ".block=01.parquet123"), []byte("PA"), 0o644)
	_, _ = w.journal.WriteString(`{"Run":"dp`)
	_ = w.Close()

	if _, err := Create(dir, "another design"); !errors.Is(err, ErrOtherDesign) {
		t.Errorf("another design: %v", err)
	}
	if w, err = Create(dir, "design"); err != nil {
		t.Fatal(err)
	}
	if n := len(w.Runs()); n != 1 {
		t.Fatalf("%d runs after the death, want the one that was whole", n)
	}
	for _, left := range []string{"block=00.parquet", ".block=01.parquet123"} {
		if _, err := os.Stat(filepath.Join(torn, left)); err == nil {
			t.Errorf("%s was left", left)
		}
	}
	if _, err := Open(dir + ".partial"); !errors.Is(err, ErrPartial) {
		t.Errorf("opening the partial dataset: %v", err)
	}
	if err := w.Add(testRun(0, "dpdk", requests), requests, nil); err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(Meta{Name: "d", Version: "0.1.0", Date: "2026-01-01"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := Verify(dir); err != nil {
		t.Error(err)
	}
	if _, err := Create(dir, "design"); !errors.Is(err, ErrExists) {
		t.Errorf("a finished dataset begun again: %v", err)
	}
}

// TestDeathJustBeforeTheEnd: all is written, but not renamed.
func TestDeathJustBeforeTheEnd(t *testing.T) {
	d := collect(t, t.TempDir())
	if err := os.Rename(d.Dir, d.Dir+".partial"); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(d.Dir, "design"); !errors.Is(err, ErrExists) {
		t.Errorf("got %v", err)
	}
	if err := Verify(d.Dir); err != nil {
		t.Errorf("the dataset was not put in its place: %v", err)
	}
}

func TestReleasedNeverChanges(t *testing.T) {
	folder := t.TempDir()
	d := collect(t, folder)
	if err := Publish(folder, "small", "0.1.0"); err != nil {
		t.Fatal(err)
	}
	if err := Publish(folder, "small", "0.1.0"); err == nil {
		t.Error("one version was released twice")
	}
	check := func() (bad int) {
		if n, err := VerifyReleases(folder, func(_ Release, err error) {
			if err != nil {
				bad++
			}
		}); err != nil || n != 1 {
			t.Fatal(n, err)
		}
		return bad
	}
	if check() != 0 {
		t.Error("an untouched release is called changed")
	}
	// Changed together with its checksums: only the list can tell.
	if err := os.WriteFile(d.file(machineName), []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := writeSums(d.Dir); err != nil {
		t.Fatal(err)
	}
	if Verify(d.Dir) != nil || check() != 1 {
		t.Error("a release that was changed with its checksums was not found")
	}
}

// TestNothingToVerify: a folder without releases is not a verified one.
func TestNothingToVerify(t *testing.T) {
	empty := t.TempDir()
	if err := os.WriteFile(filepath.Join(empty, releasesName), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"/nonexistent", t.TempDir(), empty} {
		if _, err := VerifyReleases(folder, func(Release, error) {}); !errors.Is(err, ErrNoReleases) {
			t.Errorf("%s: %v", folder, err)
		}
	}
	folder := t.TempDir()
	collect(t, folder)
	w, err := Create(filepath.Join(folder, "other", "v0.1.0"), "design")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Finish(Meta{Name: "other", Version: "0.1.0", Date: "2026-01-01"}, nil); err != nil {
		t.Fatal(err)
	}
	if err := Publish(folder, "small", "0.1.0"); err != nil {
		t.Fatal(err)
	}
	if _, err := VerifyReleases(folder, func(Release, error) {}); err == nil || !strings.Contains(err.Error(), "other") {
		t.Errorf("a dataset that the list does not name: %v", err)
	}
	if err := Verify(filepath.Join(folder, "other", "v0.1.0")); err == nil {
		t.Error("a dataset without a run was verified")
	}
}

// TestDuplicates: no two runs of a dataset share a name or a file.
func TestDuplicates(t *testing.T) {
	first := Run{Run: "b00-nginx-c1", Attempt: 1, Tier: "nginx", Load: "c1", File: "100", Outcome: OK}
	for _, c := range []struct {
		name   string
		second func(*Run)
		ok     bool
	}{
		{"the same run", func(*Run) {}, false},
		{"another name, the same file", func(r *Run) { r.Run = "again" }, false},
		{"a second attempt at a run that is there", func(r *Run) { r.Attempt = 2 }, false},
		{"a second attempt that failed", func(r *Run) { r.Attempt, r.Outcome = 2, Failed }, true},
		{"another block", func(r *Run) { r.Run, r.Block = "b01-nginx-c1", 1 }, true},
		{"another load", func(r *Run) { r.Run, r.Load = "b00-nginx-c2", "c2" }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w, err := Create(filepath.Join(t.TempDir(), "d"), "design")
			if err != nil {
				t.Fatal(err)
			}
			defer w.Close()
			if err := w.Add(first, draw(1, 10), nil); err != nil {
				t.Fatal(err)
			}
			second := first
			c.second(&second)
			if err := w.Add(second, draw(2, 20), nil); errors.Is(err, ErrDuplicate) == c.ok {
				t.Errorf("got %v", err)
			}
		})
	}
}

// TestOneWriter: a second process would overwrite the first one's files.
func TestOneWriter(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "d")
	w, err := Create(dir, "design")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Create(dir, "design"); !errors.Is(err, ErrBusy) {
		t.Errorf("a second writer: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w, err = Create(dir, "design")
	if err != nil {
		t.Fatalf("after the first one's end: %v", err)
	}
	_ = w.Close()
}

func TestNewest(t *testing.T) {
	all := []Release{{"a", "1.9.0", ""}, {"a", "1.10.0", ""}, {"b", "2.0.0", ""}}
	if r, ok := Newest(all, "a"); !ok || r.Version != "1.10.0" {
		t.Errorf("newest of a: %v", r)
	}
	if _, ok := Newest(all, "c"); ok {
		t.Error("a release of a name that has none")
	}
}

func TestEveryColumnIsDescribed(t *testing.T) {
	for _, table := range []string{"runs", "requests", "stages"} {
		for _, f := range Columns(table) {
			if f.Description == "" {
				t.Errorf("%s.%s has no description", table, f.Name)
			}
			if strings.HasSuffix(f.Name, "_ns") && f.Unit != "ns" {
				t.Errorf("%s.%s has unit %q", table, f.Name, f.Unit)
			}
		}
	}
}

func FuzzReadRequests(f *testing.F) {
	var b bytes.Buffer
	if err := WriteRequests(&b, draw(1, 20)); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte("PAR1PAR1"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = ReadRequests(bytes.NewReader(b), int64(len(b)))
		_ = guarded(bytes.NewReader(b), int64(len(b)), func(f *parquet.File) error {
			_, err := latencies(f, Response, nil)
			return err
		})
	})
}

// TestReleasesKeepTheConstraints: every value of the released datasets is one
// that its column's description allows.
func TestReleasesKeepTheConstraints(t *testing.T) {
	released, err := Releases("..")
	if err != nil || len(released) == 0 {
		t.Fatal(len(released), err)
	}
	columns := map[string]Field{}
	for _, f := range Columns("runs") {
		columns[f.Name] = f
	}
	for _, r := range released {
		d, err := Open(r.Dir(".."))
		if err != nil {
			t.Fatal(err)
		}
		for i := range d.Runs() {
			v := reflect.ValueOf(&d.Runs()[i]).Elem()
			for j := range v.NumField() {
				name, _, _ := strings.Cut(v.Type().Field(j).Tag.Get("parquet"), ",")
				c := columns[name].Constraints
				if c == nil || v.Field(j).String() == "" {
					continue
				}
				value := v.Field(j).String()
				if c.Enum != nil && !slices.Contains(c.Enum, value) || c.Pattern != "" && !regexp.MustCompile(c.Pattern).MatchString(value) {
					t.Errorf("%s, run %s: %s is %q, which its description does not allow", d.Meta.ID(), d.Runs()[i].Run, name, value)
				}
			}
		}
	}
}
