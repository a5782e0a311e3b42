// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
)

// simple is a name that a client asks for as it is, without encoding.
var simple = regexp.MustCompile(`^[A-Za-z0-9._-]{1,62}$`)

// answers are the complete responses, by path, to what can be answered in the
// kernel: the regular files of the root that are short enough. Their date is
// filled in as they leave.
func answers(root *os.Root) (map[string][]byte, error) {
	files := root.FS()
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, err
	}
	ready := map[string][]byte{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil {
			return nil, err
		}
		// Names with an ending have a media type that net/http would find.
		if !info.Mode().IsRegular() || !simple.MatchString(e.Name()) || info.Size() > answerMax {
			continue
		}
		body, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, err
		}
		header := fmt.Sprintf("HTTP/1.1 200 OK\r\nDate: %29s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", "", http.DetectContentType(body), len(body))
		if len(header)+len(body) > answerMax {
			continue
		}
		ready["/"+e.Name()] = append([]byte(header), body...)
	}
	return ready, nil
}
