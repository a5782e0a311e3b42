// SPDX-License-Identifier: Apache-2.0

package http1_test

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"crossing/servers/http1"
)

// A connection's owner passes what it receives to Serve and sends what Serve
// returns, until the rest of a request is missing.
func Example() {
	root, err := os.MkdirTemp("", "site-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(root)
	if err := os.WriteFile(filepath.Join(root, "hello"), []byte("Hello!\n"), 0o644); err != nil {
		log.Fatal(err)
	}
	site, err := http1.Load(root)
	if err != nil {
		log.Fatal(err)
	}
	server := http1.NewServer(site)
	server.SetTime(784111777)

	var stream http1.Stream // of one connection
	received := []byte("GET /hello HTTP/1.1\r\nHost: example\r\n\r\nGET /nothing HTTP/1.1\r\nHo")
	for len(received) > 0 {
		n, response := server.Serve(&stream, received)
		received = received[n:]
		if response == nil {
			break
		}
		fmt.Printf("%s%s", bytes.ReplaceAll(response.Head, []byte("\r\n"), []byte("\n")), response.Body)
	}
	fmt.Printf("%d bytes of the next request\n", len(received))
	// Output:
	// HTTP/1.1 200 OK
	// Date: Sun, 06 Nov 1994 08:49:37 GMT
	// Server: crossing
	// Content-Type: application/octet-stream
	// Content-Length: 7
	//
	// Hello!
	// 25 bytes of the next request
}
