// SPDX-License-Identifier: Apache-2.0

package paper

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// called are commands whose arguments name things; what they print is generated
// or counted by LaTeX.
var called = regexp.MustCompile(`\\(num|have|rows|cite|label|ref|input|include\w*|bibliography|bibliographystyle|begin)(\[[^\]]*\])?\{[^}]*\}|\\(drawn|wide)\{[^}]*\}|\\setlength\{[^}]*\}\{[^}]*\}`)

// names are digits that are part of a name and no result.
var names = regexp.MustCompile(`\b82576\b|p\{[0-9.]+\\textwidth\}`)

// values are numbers as digits or as words. One is left out: it is a pronoun,
// too.
var values = regexp.MustCompile(`(?i)[0-9]+|\b(two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(thir|four|fif|six|seven|eigh|nine)teen|(twen|thir|for|fif|six|seven|eigh|nine)ty|hundreds?|thousands?|millions?|billions?|dozens?|twice|thrice|half|halves|halved|thirds?|quarters?|doubl\w*|tripl\w*|\w+fold|percent|per\s+cent|order of magnitude)\b`)

// typed is the first number that a line of the paper types, or nothing.
func typed(line string) string {
	line, _, _ = strings.Cut(strings.ReplaceAll(line, `\%`, " percent "), "%")
	return values.FindString(names.ReplaceAllString(called.ReplaceAllString(line, ""), ""))
}

// TestNoNumberIsTyped: a number in the text that is not generated could
// outlive the data that it came from.
func TestNoNumberIsTyped(t *testing.T) {
	b, err := os.ReadFile("paper.tex")
	if err != nil {
		t.Fatal(err)
	}
	_, body, ok := strings.Cut(string(b), `\begin{document}`)
	if !ok {
		t.Fatal("the paper has no body")
	}
	for i, line := range strings.Split(body, "\n") {
		if number := typed(line); number != "" {
			t.Errorf("line %d of the body types %q: %s", i, number, line)
		}
	}
}

func TestTyped(t *testing.T) {
	for _, c := range []struct{ line, want string }{
		{`its p99 is up to thirty times the mean`, "99"},
		{`up to thirty times the mean`, "thirty"},
		{`Twice as fast`, "Twice"},
		{`it doubles the rate`, "doubles"},
		{`a tenfold gain`, "tenfold"},
		{`half of all requests`, "half"},
		{`lower by some \%`, "percent"},
		{`an Intel 82576 at 40 ms`, "40"},
		{`\num{netns.runs} runs and 7 more`, "7"},
		{`\have{vm-82576}{three servers}{}`, "three"},
		{`\drawn{netns-p90}{The upper 10}{netns}{x}`, "10"},
		{`an Intel 82576, \num{netns.mean-latency.nginx.1}~\textmu s \cite{rfc9293}`, ""},
		{`one factor changes at a time`, ""},
		{`often the tenth is thirsty, and the halfway house is sixties`, ""},
		{`text % 7 of a comment`, ""},
		{`\begin{tabular}{@{}lp{0.6\textwidth}ll@{}}`, ""},
	} {
		if got := typed(c.line); !strings.EqualFold(got, c.want) {
			t.Errorf("%s: %q, want %q", c.line, got, c.want)
		}
	}
}
