// HTTP/2 of Go's net/http, as a peer of the interoperability tests.
//
//	peer server [cert key]      listens, prints its port, and serves until its standard input ends
//	peer client origin [cert]   sends requests to a server and prints what came back, as JSON
package main

import (
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
	if os.Args[1] == "server" {
		serve(os.Args[2:])
	} else {
		request(os.Args[2], os.Args[3:])
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

func protocols() *http.Protocols {
	var both http.Protocols
	both.SetUnencryptedHTTP2(true)
	both.SetHTTP2(true)
	return &both
}

func serve(pair []string) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	must(err)
	fmt.Println(listener.Addr().(*net.TCPAddr).Port)
	server := &http.Server{Handler: http.HandlerFunc(handle), Protocols: protocols()}
	go func() {
		if len(pair) > 0 {
			must(server.ServeTLS(listener, pair[0], pair[1]))
		} else {
			must(server.Serve(listener))
		}
	}()
	io.Copy(io.Discard, os.Stdin)
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

func request(origin string, cert []string) {
	transport := &http.Transport{Protocols: protocols(), TLSClientConfig: &tls.Config{}}
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
