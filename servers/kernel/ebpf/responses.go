// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"regexp"
)

// plain matches a name that needs no percent-encoding and has no extension, by
// which net/http would find a media type, or a redirection in place of a file.
var plain = regexp.MustCompile(`^[A-Za-z0-9_-]{1,62}$`)

// responses returns the complete responses that the kernel can send, by path:
// those to the regular files of the root that are short enough and that others
// may read. The Date field is filled in as they are sent.
func responses(root *os.Root) (map[string][]byte, error) {
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
		if !info.Mode().IsRegular() || info.Mode()&0o004 == 0 || !plain.MatchString(e.Name()) || info.Size() > responseMax || len(ready) == responsesMax {
			continue
		}
		body, err := fs.ReadFile(files, e.Name())
		if err != nil {
			return nil, err
		}
		header := fmt.Sprintf("HTTP/1.1 200 OK\r\nDate: %29s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", "", http.DetectContentType(body), len(body))
		if len(header)+len(body) > responseMax {
			continue
		}
		ready["/"+e.Name()] = append([]byte(header), body...)
	}
	return ready, nil
}
