// SPDX-License-Identifier: Apache-2.0

// Package show puts figures, tables and sentences into a notebook. Outside of
// a notebook it prints their text.
package show

import (
	"fmt"
	"html"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"

	"github.com/janpfeifer/gonb/gonbui"
	"github.com/janpfeifer/gonb/gonbui/protocol"

	"crossing/notebooks/analysis/figure"
)

// FigureMIME is the form in which a figure's output bears the figure's name, so
// that a report finds the files.
const FigureMIME = "application/vnd.crossing.figure"

// FiguresEnv names the environment variable with the folder that figures are
// also saved to; without it they are only shown.
const FiguresEnv = "CROSSING_FIGURES"

// Figure shows a figure, as PNG for a notebook that is not yet trusted, as SVG
// for one that is, and as text for who sees neither. It also saves it as
// NAME.svg, .png and .pdf in the folder that FiguresEnv names.
func Figure(name string, f *figure.Figure) error {
	if dir := os.Getenv(FiguresEnv); dir != "" {
		if err := f.Save(dir, name); err != nil {
			return err
		}
	}
	png, err := f.PNG()
	if err != nil {
		return fmt.Errorf("figure %s: %w", name, err)
	}
	svg, err := f.SVG()
	if err != nil {
		return fmt.Errorf("figure %s: %w", name, err)
	}
	return send(f.Text, map[protocol.MIMEType]any{protocol.MIMEImagePNG: png, protocol.MIMEImageSVG: string(svg), FigureMIME: name})
}

// Table shows rows under a header, and saves them as NAME.csv beside the
// figures.
func Table(name string, header []string, rows [][]string) error {
	if dir := os.Getenv(FiguresEnv); dir != "" {
		if err := saveCSV(filepath.Join(dir, name+".csv"), header, rows); err != nil {
			return err
		}
	}
	var plain, rich strings.Builder
	w := tabwriter.NewWriter(&plain, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(header, "\t"))
	rich.WriteString("<table><thead><tr>")
	for _, h := range header {
		rich.WriteString("<th>" + html.EscapeString(h) + "</th>")
	}
	rich.WriteString("</tr></thead><tbody>")
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
		rich.WriteString("<tr>")
		for _, cell := range row {
			rich.WriteString("<td>" + html.EscapeString(cell) + "</td>")
		}
		rich.WriteString("</tr>")
	}
	if err := w.Flush(); err != nil {
		return err
	}
	rich.WriteString("</tbody></table>")
	return send(plain.String(), map[protocol.MIMEType]any{protocol.MIMETextHTML: rich.String()})
}

// Answer shows what an analysis found, as its sentence.
func Answer(a fmt.Stringer) error { return Say("%s", a) }

// Say shows a sentence that was computed. Without arguments the format is the
// sentence, with whatever per cent signs it has.
func Say(format string, arg ...any) error {
	text := format
	if len(arg) > 0 {
		text = fmt.Sprintf(format, arg...)
	}
	return send(text, map[protocol.MIMEType]any{protocol.MIMETextHTML: "<p><strong>" + html.EscapeString(text) + "</strong></p>"})
}

// send hands the forms over and waits until they have arrived: without that
// the kernel loses one now and then.
func send(plain string, forms map[protocol.MIMEType]any) error {
	if !gonbui.IsNotebook {
		_, err := fmt.Println(plain)
		return err
	}
	forms[protocol.MIMETextPlain] = plain
	gonbui.SendData(&protocol.DisplayData{Data: forms})
	gonbui.Sync()
	return gonbui.Error()
}
