// Go's net/http on one core. It takes `--port N --protocol h1|h2c|auto --service NAME` as every server here does, with
// `--tls-cert` and `--tls-key` to speak TLS, and says `listening on N`.
package main

import (
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	pieceLength  = 65536
	streamPieces = 100
	streamPiece  = 1024
	jsonLength   = 2048
	maxLength    = 1 << 30
)

// Pieces of every content are cut from here.
var filler = []byte(strings.Repeat("x", pieceLength))

func whole(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", contentType)
		w.Header().Set("content-length", strconv.Itoa(len(content)))
		w.Write(content)
	}
}

func bytesOf(length int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("content-type", "text/plain")
		w.Header().Set("content-length", strconv.Itoa(length))
		for left := length; left > 0; left -= pieceLength {
			w.Write(filler[:min(left, pieceLength)])
		}
	}
}

func stream(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("content-type", "text/plain")
	for i := 0; i < streamPieces; i++ {
		w.Write(filler[:streamPiece])
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("content-type", "text/plain")
	io.Copy(w, r.Body)
}

func size(w http.ResponseWriter, r *http.Request) {
	bytes, _ := io.Copy(io.Discard, r.Body)
	w.Header().Set("content-type", "text/plain")
	io.WriteString(w, strconv.FormatInt(bytes, 10))
}

// The same octets as `json` of ../start.mjs.
func jsonContent() []byte {
	var items []string
	for id := 1000; id < 1024; id++ {
		items = append(items, fmt.Sprintf(`{"id":%d,"name":"part %d","price":%d.99,"tags":["blue","large"]}`, id, id, id%50))
	}
	content := `{"items":[` + strings.Join(items, ",") + `],"note":"`
	return []byte(content + strings.Repeat("x", jsonLength-len(content)-2) + `"}`)
}

func handlerOf(service string) http.HandlerFunc {
	switch service {
	case "hello":
		return whole("text/plain", []byte("hello, world\n"))
	case "json":
		return whole("application/json", jsonContent())
	case "stream":
		return stream
	case "echo":
		return echo
	case "size":
		return size
	}
	digits, isBytes := strings.CutPrefix(service, "bytes-")
	length, err := strconv.Atoi(digits)
	if !isBytes || err != nil || length < 0 || length > maxLength {
		log.Fatal("no such service: ", service)
	}
	return bytesOf(length)
}

// The server ends with whoever started it.
func endWithParent() {
	parent := os.Getppid()
	for os.Getppid() == parent {
		time.Sleep(time.Second)
	}
	os.Exit(0)
}

func main() {
	port := flag.Int("port", 0, "the port to listen on")
	protocol := flag.String("protocol", "h1", "h1, h2c or auto")
	service := flag.String("service", "hello", "hello, json, bytes-N, stream, echo or size")
	certificate := flag.String("tls-cert", "", "a file in PEM; with --tls-key")
	key := flag.String("tls-key", "", "a file in PEM")
	version := flag.Bool("version", false, "print the version of Go and end")
	flag.Parse()
	if *version {
		fmt.Println(runtime.Version())
		return
	}
	runtime.GOMAXPROCS(1)
	protocols := new(http.Protocols)
	protocols.SetHTTP1(*protocol != "h2c")
	protocols.SetUnencryptedHTTP2(*protocol != "h1")
	server := &http.Server{Handler: handlerOf(*service), Protocols: protocols, ErrorLog: log.New(io.Discard, "", 0)}
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on %d\n", listener.Addr().(*net.TCPAddr).Port)
	go endWithParent()
	if *certificate != "" {
		server.TLSConfig = &tls.Config{NextProtos: []string{"http/1.1"}}
		log.Fatal(server.ServeTLS(listener, *certificate, *key))
	}
	log.Fatal(server.Serve(listener))
}
