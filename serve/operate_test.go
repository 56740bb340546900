package serve

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// explainBody asks for a slow explanation.
func slowBody(t testing.TB, samples int) string {
	return fmt.Sprintf(`{"instances": [%s], "method": "rise", "samples": %d}`, b64(pictureFile(t)), samples)
}

// Requests that come together share a run of the model.
func TestRequestsShareARun(t *testing.T) {
	const n = 8
	s := start(t, func(o *Options) { o.MaxBatch, o.BatchTimeout = n, time.Minute })
	before := s.models.models[0].current.Runs()
	body := `{"instances": [` + b64(pictureFile(t)) + `]}`
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			if status, text := s.post("/v1/models/run:explain", body); status != 200 {
				t.Errorf("request %d: %d %s", i, status, text)
			}
		})
	}
	wait.Wait()
	if runs := s.models.models[0].current.Runs() - before; runs != 1 {
		t.Errorf("%d requests took %d runs, want 1", n, runs)
	}
	_, text := s.get("/metrics")
	for _, want := range []string{
		`oscar_batch_images_sum{queue="quick"} 8`, `oscar_requests_total{route="POST /v1/models/{target...}:explain",status="200"} 8`,
		`oscar_model_version{model="run"} 1`, `oscar_queue_images{queue="slow"} 0`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// A full queue refuses, and a client that is gone gives its place back.
func TestFullQueue(t *testing.T) {
	s := start(t, func(o *Options) { o.Queue = 1 })
	running, release := make(chan struct{}, 2), make(chan struct{})
	free := sync.OnceFunc(func() { close(release) })
	defer free()
	s.slow.mu.Lock()
	record := s.slow.observe
	s.slow.observe = func(batch int, waited time.Duration) { // the run begins when the test says so
		record(batch, waited)
		running <- struct{}{}
		<-release
	}
	s.slow.mu.Unlock()
	ctx, leave := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	ask := func() {
		r, err := http.NewRequestWithContext(ctx, "POST", s.url+"/v1/models/run:explain", strings.NewReader(slowBody(t, 10)))
		if err != nil {
			t.Error(err)
			return
		}
		if w, err := http.DefaultClient.Do(r); err == nil {
			w.Body.Close()
		}
	}
	waiting := func(want int) {
		for s.slow.length() != want {
			time.Sleep(time.Millisecond)
		}
	}
	wait.Go(ask)
	<-running
	wait.Go(ask)
	waiting(1)
	status, header, text := s.do("POST", "/v1/models/run:explain", "", strings.NewReader(slowBody(t, 10)))
	if status != 429 || header.Get("Retry-After") == "" {
		t.Errorf("a full queue: %d %s", status, text)
	}
	// Predictions do not wait for slow explanations.
	if status, text := s.post("/v1/models/run:predict", `{"instances": [`+b64(pictureFile(t))+`]}`); status != 200 {
		t.Errorf("a prediction: %d %s", status, text)
	}
	leave()
	wait.Wait()
	waiting(0)
	free()
	if status, text := s.post("/v1/models/run:explain", slowBody(t, 10)); status != 200 {
		t.Errorf("after the clients are gone: %d %s", status, text)
	}
}

func TestDeadline(t *testing.T) {
	s := start(t, func(o *Options) { o.Deadline = 20 * time.Millisecond })
	const masks = 10000
	before := s.models.models[0].current.Runs()
	status, text := s.post("/v1/models/run:explain", slowBody(t, masks))
	if runs := s.models.models[0].current.Runs() - before; status != 504 || !strings.Contains(text, "deadline") || runs > masks/50 {
		t.Errorf("%d %s after %d runs of the model", status, text, runs)
	}
}

// TestConcurrency lets one request be under way: others are refused at once, also
// those whose body never comes.
func TestConcurrency(t *testing.T) {
	usual := restTime
	t.Cleanup(func() { restTime = usual })
	restTime = 50 * time.Millisecond
	s := start(t, func(o *Options) { o.Concurrency = 1 })
	addr := strings.TrimPrefix(s.url, "http://")
	open := func(header string) (net.Conn, *bufio.Reader) {
		connection, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { connection.Close() })
		fmt.Fprintf(connection, "POST /v1/models/run:predict HTTP/1.1\r\nHost: localhost\r\n%s\r\n", header)
		return connection, bufio.NewReader(connection)
	}
	answer := func(from *bufio.Reader) int {
		t.Helper()
		w, err := http.ReadResponse(from, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = io.Copy(io.Discard, w.Body)
		if err != nil {
			t.Fatal(err)
		}
		return w.StatusCode
	}
	// The server says 100 when the handler, which has the place then, reads the body.
	first, from := open("Expect: 100-continue\r\nContent-Length: 2\r\n")
	if status := answer(from); status != 100 {
		t.Fatalf("before the body: %d", status)
	}
	if status, _ := s.get("/v1/models/run"); status != 429 {
		t.Errorf("a second request: %d", status)
	}
	if status, _ := s.get("/healthz"); status != 200 {
		t.Errorf("healthz: %d", status)
	}
	for _, length := range []string{"Content-Length: 1000000", "Transfer-Encoding: chunked"} {
		_, refused := open(length + "\r\n")
		if status := answer(refused); status != 429 {
			t.Errorf("%s without a body: %d", length, status)
		}
		if rest, err := io.ReadAll(refused); err != nil || len(rest) > 0 {
			t.Errorf("%s: the connection stays: %q, %v", length, rest, err)
		}
	}
	fmt.Fprint(first, "{}")
	if status := answer(from); status != 400 {
		t.Errorf("a body without images: %d", status)
	}
	if status, _ := s.get("/v1/models/run"); status != 200 {
		t.Errorf("after the first request: %d", status)
	}
}

// A server that is told to stop answers what it has taken.
func TestStopUnderLoad(t *testing.T) {
	_, addr, stop := run(t, func(o *Options) { o.BatchTimeout = 50 * time.Millisecond })
	body := `{"instances": [` + b64(pictureFile(t)) + `]}`
	var taken, lost atomic.Int64
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for {
				connection, err := net.Dial("tcp", addr)
				if err != nil {
					return // it listens no more
				}
				fmt.Fprintf(connection, "POST /v1/models/run:predict HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
				answer, _ := io.ReadAll(connection)
				connection.Close()
				switch {
				case bytes.HasPrefix(answer, []byte("HTTP/1.1 200 ")):
					taken.Add(1)
				case len(answer) > 0:
					lost.Add(1)
					t.Errorf("an answer %.100q", answer)
				}
			}
		})
	}
	for taken.Load() < 20 {
		time.Sleep(time.Millisecond)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	wait.Wait()
	t.Logf("%d requests were answered, %d lost", taken.Load(), lost.Load())
}

// A client that sends nothing, or slowly, is cut off.
func TestSlowClient(t *testing.T) {
	header, body := headerTime, bodyTime
	headerTime, bodyTime = 200*time.Millisecond, 400*time.Millisecond
	defer func() { headerTime, bodyTime = header, body }()
	_, addr, _ := run(t, nil)
	for name, sent := range map[string]string{
		"nothing": "", "half a header": "GET / HTTP/1.1\r\nHost: loc",
		"half a body": "POST /v1/models/run:predict HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n{",
	} {
		connection, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(connection, sent)
		if _, err := io.ReadAll(connection); err != nil {
			t.Errorf("%s: the connection stays open: %v", name, err)
		}
		connection.Close()
	}
}

func TestToken(t *testing.T) {
	const token = "an-example-of-a-token"
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(token+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := start(t, func(o *Options) { o.TokenFile = path })
	for path, want := range map[string]int{"/v1/models/run": 401, "/metrics": 401, "/": 401, "/photo?picture=a": 401, "/healthz": 200, "/readyz": 200, "/login": 200, "/static/serve.css": 200} {
		if status, text := s.get(path); status != want {
			t.Errorf("%s: %d %s", path, status, text)
		}
	}
	for header, want := range map[string]int{"Bearer " + token: 200, "Bearer wrong": 401, "Bearer ": 401, token: 401} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.url+"/v1/models/run", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", header)
		if status, _, _ := s.send(r); status != want {
			t.Errorf("%s: %d", header, status)
		}
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	for _, try := range []struct {
		token string
		want  int
		title string
	}{{"wrong", 401, "This is not the token"}, {token, 200, "Look at a picture"}} {
		w, err := browser.PostForm(s.url+"/login", url.Values{"token": {try.token}})
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(w.Body)
		if w.Body.Close(); w.StatusCode != try.want || !strings.Contains(string(text), try.title) {
			t.Errorf("login with %s: %s", try.token, w.Status)
		}
	}
	for _, bad := range []string{"short", "", "two words of some length"} {
		if err := os.WriteFile(path, []byte(bad), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := New(Options{Models: []string{"none"}, TokenFile: path, Addr: "127.0.0.1:0"}); err == nil {
			t.Errorf("the token %q is taken", bad)
		}
	}
}

// selfSigned makes a certificate for localhost.
func selfSigned(t *testing.T) (certificate, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	certificate, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	os.WriteFile(certificate, text, 0o600)
	os.WriteFile(key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), 0o600)
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return certificate, key, pool
}

func TestTLSAndProfiles(t *testing.T) {
	certificate, key, pool := selfSigned(t)
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	profile := free.Addr().String()
	free.Close()
	_, addr, _ := run(t, func(o *Options) { o.Certificate, o.Key, o.Profile = certificate, key, profile })
	_, port, _ := net.SplitHostPort(addr)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}
	w, err := client.Get("https://localhost:" + port + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	if w.Body.Close(); w.StatusCode != 200 {
		t.Error(w.Status)
	}
	client.CloseIdleConnections()
	if w, err = http.Get("http://" + profile + "/debug/pprof/goroutine?debug=1"); err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(w.Body)
	if w.Body.Close(); !strings.Contains(string(text), "goroutine profile") {
		t.Errorf("%s %.100s", w.Status, text)
	}
	if _, err := New(func() Options { o := DefaultOptions(); o.Certificate = certificate; return o }()); err == nil {
		t.Error("a certificate without a key is taken")
	}
}

// The log has a line for each request, with nothing of the pictures and no token.
func TestLog(t *testing.T) {
	var b bytes.Buffer
	var mu sync.Mutex
	s := start(t, func(o *Options) { o.Log = slog.New(slog.NewJSONHandler(locked{&mu, &b}, nil)) })
	file := pictureFile(t)
	_, header, _ := s.do("POST", "/v1/models/run:predict", "image/png", bytes.NewReader(file))
	s.get("/?picture=secret")
	mu.Lock()
	defer mu.Unlock()
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	first := into[map[string]any](t, lines[0])
	if len(lines) != 2 || first["request"] != header.Get("X-Request-Id") || first["path"] != "/v1/models/run:predict" || first["status"] != 200.0 || len(lines[0]) > 400 || strings.Contains(b.String(), "secret") {
		t.Errorf("the log is\n%s", &b)
	}
}

type locked struct {
	mu *sync.Mutex
	w  io.Writer
}

func (l locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.w.Write(p)
}
