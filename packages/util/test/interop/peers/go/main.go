// Go's net/http, as a peer of the interoperability tests.
//
//	peer server [versions] [cert key]     listens, prints its port, and serves until its standard input ends
//	peer client [versions] origin [cert]  sends requests to a server and prints what came back, as JSON
//
// Versions are http1, http2 or both; http2 if nothing is said. A server that reads the line "restart" goes on with another one
// on the same socket, shuts the former down, and prints "restarted" once that has ended.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
)

func main() {
	log.SetOutput(io.Discard)
	versions, args := "http2", os.Args[2:]
	if len(args) > 0 && (args[0] == "http1" || args[0] == "http2" || args[0] == "both") {
		versions, args = args[0], args[1:]
	}
	if os.Args[1] == "server" {
		serve(versions, args)
	} else {
		request(versions, args[0], args[1:])
	}
}

func content(size int) []byte {
	bytes := make([]byte, size)
	for i := range bytes {
		bytes[i] = byte(i % 251)
	}
	return bytes
}

func sum(bytes []byte) string { return fmt.Sprintf("%x", sha256.Sum256(bytes)) }

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func protocols(versions string) *http.Protocols {
	var chosen http.Protocols
	chosen.SetHTTP1(versions != "http2")
	chosen.SetUnencryptedHTTP2(versions != "http1")
	chosen.SetHTTP2(versions != "http1")
	return &chosen
}

func serve(versions string, pair []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := start(listener, versions, pair)
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		if lines.Text() != "restart" {
			continue
		}
		// The same socket once more: closing the one leaves the other open, and nobody is refused.
		file, err := listener.(*net.TCPListener).File()
		must(err)
		next, err := net.FileListener(file)
		must(err)
		file.Close()
		former := server
		listener, server = next, start(next, versions, pair)
		must(former.Shutdown(context.Background()))
		fmt.Println("restarted")
	}
}

func start(listener net.Listener, versions string, pair []string) *http.Server {
	server := &http.Server{Handler: http.HandlerFunc(handle), Protocols: protocols(versions)}
	go func() {
		var err error
		if len(pair) > 0 {
			err = server.ServeTLS(listener, pair[0], pair[1])
		} else {
			err = server.Serve(listener)
		}
		if err != http.ErrServerClosed {
			must(err)
		}
	}()
	return server
}

func handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/hello":
		w.Header().Set("Content-Type", "text/plain")
		io.WriteString(w, "hello from "+r.Proto)
	case "/bytes":
		size, _ := strconv.Atoi(r.URL.RawQuery)
		w.Write(content(size))
	case "/echo":
		// Without it Go's HTTP/1 stops reading when it begins to answer; of HTTP/2 it says that there is no need.
		_ = http.NewResponseController(w).EnableFullDuplex()
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		w.Header().Set("X-Sum", r.Trailer.Get("X-Sum"))
	case "/early":
		w.Header().Set("Link", "</a>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, "late")
	case "/refuse":
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		io.WriteString(w, "too much")
	case "/break":
		io.WriteString(w, "part")
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	default:
		http.NotFound(w, r)
	}
}

type result struct {
	Hello    string
	Missing  int
	Echo     string
	Trailers string
	Parallel int
	Early    []string
	Expect   string
	Refused  string
	Canceled string
	Next     string
}

func request(versions string, origin string, cert []string) {
	transport := &http.Transport{Protocols: protocols(versions), TLSClientConfig: &tls.Config{}}
	if len(cert) > 0 {
		pem, err := os.ReadFile(cert[0])
		must(err)
		pool := x509.NewCertPool()
		pool.AppendCertsFromPEM(pem)
		transport.TLSClientConfig.RootCAs = pool
	}
	client := &http.Client{Transport: transport}
	read := func(response *http.Response, err error) (int, []byte, http.Header) {
		must(err)
		defer response.Body.Close()
		bytes, err := io.ReadAll(response.Body)
		must(err)
		return response.StatusCode, bytes, response.Trailer
	}
	get := func(path string) (int, []byte, http.Header) { return read(client.Get(origin + path)) }
	var told result

	response, err := client.Get(origin + "/hello")
	must(err)
	_, bytesRead, _ := read(response, nil)
	told.Hello = response.Proto + " " + string(bytesRead)
	told.Missing, _, _ = get("/nowhere")

	large := content(8 << 20)
	_, echoed, _ := read(client.Post(origin+"/echo", "application/octet-stream", bytes.NewReader(large)))
	told.Echo = sum(echoed)

	// Of unknown length, with trailers.
	post, err := http.NewRequest("POST", origin+"/echo", io.MultiReader(strings.NewReader("con"), strings.NewReader("tent")))
	must(err)
	post.Trailer = http.Header{"X-Sum": []string{"1"}}
	// Without it no trailers come back over HTTP/1 (RFC 9110 6.5.1).
	post.Header.Set("TE", "trailers")
	_, echoed, trailers := read(client.Do(post))
	told.Trailers = string(echoed) + " " + trailers.Get("X-Sum")

	var wait sync.WaitGroup
	var lock sync.Mutex
	for i := range 100 {
		wait.Add(1)
		go func() {
			defer wait.Done()
			size := 1 + i*1499
			_, bytesRead, _ := get(fmt.Sprintf("/bytes?%d", size))
			lock.Lock()
			defer lock.Unlock()
			if bytes.Equal(bytesRead, content(size)) {
				told.Parallel++
			}
		}()
	}
	wait.Wait()

	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, header textproto.MIMEHeader) error {
		told.Early = append(told.Early, fmt.Sprint(code, " ", header.Get("Link")))
		return nil
	}}
	early, err := http.NewRequestWithContext(httptrace.WithClientTrace(context.Background(), trace), "GET", origin+"/early", nil)
	must(err)
	_, bytesRead, _ = read(client.Do(early))
	told.Early = append(told.Early, string(bytesRead))

	expecting, err := http.NewRequest("POST", origin+"/echo", strings.NewReader("content"))
	must(err)
	expecting.Header.Set("Expect", "100-continue")
	_, bytesRead, _ = read(client.Do(expecting))
	told.Expect = string(bytesRead)

	status, bytesRead, _ := read(client.Post(origin+"/refuse", "text/plain", bytes.NewReader(large)))
	told.Refused = fmt.Sprint(status, " ", string(bytesRead))

	cancelable, cancel := context.WithCancel(context.Background())
	endless, err := http.NewRequestWithContext(cancelable, "GET", origin+fmt.Sprintf("/stream?%d", 64<<20), nil)
	must(err)
	response, err = client.Do(endless)
	must(err)
	cancel()
	_, err = io.ReadAll(response.Body)
	told.Canceled = fmt.Sprint(err)
	_, bytesRead, _ = get("/hello")
	told.Next = string(bytesRead)

	transport.CloseIdleConnections()
	must(json.NewEncoder(os.Stdout).Encode(told))
}
