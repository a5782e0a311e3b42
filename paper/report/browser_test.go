// SPDX-License-Identifier: Apache-2.0

package report

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/input"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// TestInABrowser opens every page from the file system in headless Chromium.
// Nothing may fail to load, complain, or come from elsewhere; a tier is switched
// off, the pointer reads a cell, and a screenshot of each page is left in
// out/report-test.
func TestInABrowser(t *testing.T) {
	browser, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("%v: ./setup.sh installs it", err)
	}
	site := built(t)
	shots, err := filepath.Abs("../../out/report-test")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(shots, 0o755); err != nil {
		t.Fatal(err)
	}
	allocated, free := chromedp.NewExecAllocator(t.Context(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(browser), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-background-networking", true), chromedp.WindowSize(1200, 1000))...)
	defer free()
	ctx, stop := chromedp.NewContext(allocated)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()

	var mu sync.Mutex
	var complaints []string
	loaded := 0
	complain := func(s string) { mu.Lock(); complaints = append(complaints, s); mu.Unlock() }
	watch := func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			complain("exception: " + e.ExceptionDetails.Text)
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.ConsoleAPICalledTypeError || e.Type == runtime.ConsoleAPICalledTypeWarning {
				complain("console: " + string(e.Type))
			}
		case *cdplog.EventEntryAdded:
			complain("log: " + e.Entry.Text)
		case *network.EventLoadingFailed:
			complain("failed to load: " + e.ErrorText)
		case *network.EventRequestWillBeSent:
			mu.Lock()
			loaded++
			mu.Unlock()
			if u := e.Request.URL; !strings.HasPrefix(u, "file://"+site+"/") && !strings.HasPrefix(u, "data:") {
				complain("asks for " + u)
			}
		}
	}
	if err := chromedp.Listen(ctx, watch); err != nil {
		t.Fatal(err)
	}
	save := func(name string, shot []byte) {
		if err := os.WriteFile(filepath.Join(shots, name+".png"), shot, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	pages, err := filepath.Glob(filepath.Join(site, "*.html"))
	if err != nil || len(pages) < 2 {
		t.Fatalf("%v %v", pages, err)
	}
	for _, page := range pages {
		do(t, ctx, chromedp.Navigate("file://"+page), chromedp.WaitReady("main"))
		pixels := run(t, ctx, chromedp.Evaluate[[]int](`Array.from(document.querySelectorAll("main img"), i => i.complete ? i.naturalWidth * i.naturalHeight : 0)`))
		if len(pixels) == 0 || slices.Contains(pixels, 0) {
			t.Errorf("%s shows figures of %v pixels", page, pixels)
		}
		save(strings.TrimSuffix(filepath.Base(page), ".html"), run(t, ctx, chromedp.FullScreenshot(100)))
	}

	do(t, ctx, chromedp.Navigate("file://"+filepath.Join(site, "index.html")), chromedp.WaitVisible("#chart-netns canvas"))
	const graph = `document.querySelector("#chart-netns").graph`
	visible := func() bool {
		return run(t, ctx, chromedp.Evaluate[bool](graph+`.visibility()[`+graph+`.getPropertiesForSeries("flask").column - 1]`))
	}
	if !visible() {
		t.Error("flask is not shown in the beginning")
	}
	do(t, ctx, chromedp.Click(`#chart-netns input[value="flask"]`))
	if visible() {
		t.Error("flask is still shown when it is switched off")
	}

	// The pointer goes to nginx's cell at 4 connections.
	do(t, ctx, chromedp.ScrollIntoView("#chart-netns .dygraph"))
	at := run(t, ctx, chromedp.Evaluate[[]float64](`(() => {
		const g = `+graph+`, column = g.getPropertiesForSeries("nginx").column;
		const box = document.querySelector("#chart-netns .dygraph").getBoundingClientRect();
		for (let r = 0; r < g.numRows(); r++) if (g.getValue(r, 0) === 4) {
			const area = g.getArea();
			return [box.left + area.x + g.toPercentXCoord(4) * area.w, box.top + g.toDomYCoord(g.getValue(r, column)[1])];
		}
	})()`))
	do(t, ctx, chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, at[0], at[1]))
	const readout = `document.querySelector("#chart-netns .readout").textContent`
	if _, err := chromedp.Run(ctx, chromedp.Poll[bool](readout+`.startsWith("nginx at 4 connections: Mean latency (µs) ")`)); err != nil {
		t.Errorf("the pointer reads %q (%v)", run(t, ctx, chromedp.Evaluate[string](readout)), err)
	}
	save("pointer", run(t, ctx, chromedp.CaptureScreenshot()))

	mu.Lock()
	defer mu.Unlock()
	for _, c := range complaints {
		t.Error(c)
	}
	if loaded < len(pages)+4 {
		t.Errorf("only %d files were asked for: nobody watched", loaded)
	}
}

func do(t *testing.T, ctx context.Context, steps ...chromedp.Action[chromedp.Void]) {
	t.Helper()
	if err := chromedp.Do(ctx, steps...); err != nil {
		t.Fatal(err)
	}
}

func run[T any](t *testing.T, ctx context.Context, a chromedp.Action[T]) T {
	t.Helper()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
