// Go's net/http with HTTP/2 over cleartext TCP, on one core. It takes `--service hello|mib|echo|size` and says
// `listening on N`, as every server here does.
package main

import (
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"runtime"
	"strconv"
)

var hello = []byte("hello, world\n")

const pieceLength, pieces = 65536, 16

var piece = make([]byte, pieceLength)

var services = map[string]http.HandlerFunc{
	"hello": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "text/plain")
		w.Write(hello)
	},
	"mib": func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "text/plain")
		w.Header().Set("content-length", strconv.Itoa(pieceLength*pieces))
		for i := 0; i < pieces; i++ {
			w.Write(piece)
		}
	},
	"echo": func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("content-type", "text/plain")
		io.Copy(w, r.Body)
	},
	"size": func(w http.ResponseWriter, r *http.Request) {
		bytes, _ := io.Copy(io.Discard, r.Body)
		w.Header().Set("content-type", "text/plain")
		io.WriteString(w, strconv.FormatInt(bytes, 10))
	},
}

func main() {
	port := flag.Int("port", 0, "the port to listen on")
	service := flag.String("service", "hello", "hello, mib, echo or size")
	flag.Parse()
	handler, ok := services[*service]
	if !ok {
		log.Fatal("no such service: ", *service)
	}
	runtime.GOMAXPROCS(1)
	for i := range piece {
		piece[i] = 'x'
	}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{Handler: handler, Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}
	fmt.Printf("listening on %d\n", listener.Addr().(*net.TCPAddr).Port)
	log.Fatal(server.Serve(listener))
}
