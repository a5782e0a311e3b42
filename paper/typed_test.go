package paper

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// names are digits that are part of a name and not a result.
var names = regexp.MustCompile(`82576|\\num\{[^}]*\}|\\(cite|label|ref|input|includegraphics|bibliography|bibliographystyle)(\[[^]]*\])?\{[^}]*\}`)

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
		if digit := regexp.MustCompile(`[0-9]+`).FindString(names.ReplaceAllString(line, "")); digit != "" {
			t.Errorf("line %d of the body types %q: %s", i, digit, line)
		}
	}
}
