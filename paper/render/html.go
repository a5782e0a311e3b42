// SPDX-License-Identifier: Apache-2.0

package render

import (
	"html/template"
	"strings"

	"crossing/paper/claims"
)

var row = template.Must(template.New("row").Parse(`<tr id="{{.ID}}"><td><b>{{.ID}}</b> {{.Text}}{{if .Exploratory}} <i>(exploratory)</i>{{end}}</td>
<td class="verdict {{.Class}}">{{.Verdict}}</td>
<td>{{.Numbers}}{{if .Warnings}}<br><small>Warnings: {{.Warnings}}</small>{{end}}</td>
<td>{{.Dataset}}</td></tr>`))

// HTML is the result as a row of the site's table of claims.
func HTML(r claims.Result) (template.HTML, error) {
	var b strings.Builder
	err := row.Execute(&b, map[string]any{
		"ID": r.ID, "Text": r.Text, "Exploratory": r.Exploratory, "Dataset": r.Dataset,
		"Class":   strings.ReplaceAll(strings.ToLower(string(r.Finding.Verdict)), " ", "-"),
		"Verdict": Verdict(r.Finding), "Numbers": Numbers(r.Finding), "Warnings": Warnings(r.Finding),
	})
	return template.HTML(b.String()), err
}
