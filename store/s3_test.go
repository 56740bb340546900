package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"oscar/internal/testkit"
)

var seconds = regexp.MustCompile(`, for \d+ s$`)

// wantError wants an error of that text, with N for the seconds of tries.
func wantError(t *testing.T, err error, text string) {
	t.Helper()
	if err != nil {
		err = errors.New(seconds.ReplaceAllString(err.Error(), ", for N s"))
	}
	testkit.WantError(t, err, text)
}

func TestErrors(t *testing.T) {
	for _, url := range []string{"bucket/x", "s3://", "s3:///x", "file://x/y", "file:x", "http://a/b", "s3://b/x?y=1"} {
		if _, err := Open(t.Context(), url, t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no store, want s3://BUCKET/PREFIX or file:///FOLDER") {
			t.Errorf("%s: %v", url, err)
		}
	}
	_, err := Open(t.Context(), "file:///no/where", t.TempDir())
	testkit.WantError(t, err, "file:///no/where: no such file or directory")
	defer func(was time.Duration) { firstPatience = was }(firstPatience)
	firstPatience = 300 * time.Millisecond
	server := testkit.NewS3Server(t)
	for _, test := range []struct {
		set        [2]string
		url, error string
	}{
		{url: "s3://nowhere/x", error: "s3://nowhere/x/: there is no bucket nowhere at " + server.Endpoint},
		{set: [2]string{"AWS_ACCESS_KEY_ID", ""}, error: "no credentials for s3://bucket: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE of ~/.aws/credentials"},
		{set: [2]string{"AWS_ACCESS_KEY_ID", "other"}, error: "s3://bucket/x/: " + server.Endpoint + " does not know the access key other"},
		{set: [2]string{"AWS_SECRET_ACCESS_KEY", "other"}, error: "s3://bucket/x/: the secret key is not that of the access key access"},
		{set: [2]string{"AWS_REGION", "eu-west-1"}, error: `s3://bucket/x/: bucket is in another region than "eu-west-1"; set AWS_REGION=us-east-1`},
		{set: [2]string{"AWS_ENDPOINT_URL_S3", "localhost"}, error: `AWS_ENDPOINT_URL_S3 is "localhost", want http://HOST:PORT or https://HOST:PORT`},
		{set: [2]string{"AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1"}, error: "s3://bucket/x/: the store is not available: http://127.0.0.1:1: connection refused, for N s"},
		{set: [2]string{"AWS_ENDPOINT_URL_S3", strings.Replace(server.Endpoint, "http:", "https:", 1)}, error: "s3://bucket/x/: " + strings.Replace(server.Endpoint, "http:", "https:", 1) + " has no TLS; set AWS_ENDPOINT_URL_S3 to an http:// URL"},
	} {
		t.Run(test.set[0]+test.url, func(t *testing.T) {
			if test.set[0] != "" {
				t.Setenv(test.set[0], test.set[1])
			}
			if test.url == "" {
				test.url = "s3://bucket/x"
			}
			_, err := Open(t.Context(), test.url, t.TempDir())
			wantError(t, err, test.error)
		})
	}
	t.Run("files", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "credentials")
		testkit.Write(t, file, "[mine]\naws_access_key_id = access\naws_secret_access_key = secretsecret\n")
		for name, value := range map[string]string{"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_SHARED_CREDENTIALS_FILE": file, "AWS_PROFILE": "mine"} {
			t.Setenv(name, value)
		}
		opened(t, "s3://bucket/x")
	})
}

// A store that is killed and started again is waited for.
func TestServerIsKilled(t *testing.T) {
	server := testkit.NewS3Server(t)
	c := opened(t, "s3://bucket/x")
	for i := range 400 {
		testkit.Write(t, c.path(fmt.Sprintf("job/%03d", i)), strings.Repeat(fmt.Sprint(i), 5000))
	}
	want := testkit.Tree(t, c.Dir)
	pushed := make(chan error)
	go func() { pushed <- c.Push(t.Context(), "job") }()
	for range 3 {
		time.Sleep(50 * time.Millisecond)
		server.Kill()
		time.Sleep(200 * time.Millisecond)
		server.Start()
	}
	if err := <-pushed; err != nil {
		t.Fatal(err)
	}
	if got := stored(t, c); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("the store has other files")
	}
	other := opened(t, "s3://bucket/x")
	pulled := make(chan error)
	go func() { pulled <- other.Pull(t.Context(), "job") }()
	time.Sleep(50 * time.Millisecond)
	server.Kill()
	time.Sleep(200 * time.Millisecond)
	server.Start()
	if err := <-pulled; err != nil {
		t.Fatal(err)
	}
	if got := testkit.Tree(t, other.Dir); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error("the copy has other files")
	}
}

// A store that does not answer is an error after a time, and one that may pass.
func TestServerIsStopped(t *testing.T) {
	usual := []time.Duration{firstPatience, patience, silence}
	defer func() { firstPatience, patience, silence = usual[0], usual[1], usual[2] }()
	// A server of a slow machine gets several tries.
	const long = 5 * time.Minute
	firstPatience, patience, silence = long, long, 500*time.Millisecond
	server := testkit.NewS3Server(t)
	c := opened(t, "s3://bucket/x")
	send(t, c, map[string]string{"a": "b"})
	server.Stop()
	patience = time.Second
	err := c.Pull(t.Context(), "a")
	if !errors.Is(err, ErrUnavailable) || !strings.Contains(err.Error(), "did not answer in time, for ") {
		t.Error(err)
	}
	patience = long
	server.Continue()
	if err := c.Pull(t.Context(), "a"); err != nil {
		t.Error(err)
	}
}

// An upload that is stopped leaves no object.
func TestPartialUpload(t *testing.T) {
	testkit.NewS3Server(t)
	c := opened(t, "s3://bucket/x")
	if err := os.WriteFile(c.path("large"), bytes.Repeat([]byte("x"), 200<<20), 0o666); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
	defer cancel()
	if err := c.put(ctx, []string{"large"}); err == nil {
		t.Fatal("200 MB were sent in 30 ms")
	}
	if got := stored(t, c); len(got) > 0 {
		t.Errorf("the store has %d objects", len(got))
	}
}

// What a server says that cannot be had from the real one: a wrong clock, a full disk or quota,
// a fault that passes.
func TestAnswers(t *testing.T) {
	defer func(was, before time.Duration) { firstPatience, patience = was, before }(firstPatience, patience)
	firstPatience, patience = 300*time.Millisecond, 300*time.Millisecond
	answers := map[string]struct {
		status int
		error  string
	}{
		"RequestTimeTooSkewed": {http.StatusForbidden, "the clocks of this machine and of the store differ too much; set them"},
		"AccessDenied":         {http.StatusForbidden, "access denied: the access key access may not do that"},
		"ExpiredToken":         {http.StatusBadRequest, "the session token has expired or is wrong; sign in again"},
		"XMinioStorageFull":    {http.StatusInsufficientStorage, "the store is not available: its disk is full, for N s"},
		"QuotaExceeded":        {http.StatusForbidden, "the store is not available: the quota of the bucket is exceeded, for N s"},
		"SlowDown":             {http.StatusServiceUnavailable, "the store is not available: $URL answers 503: SlowDown, for N s"},
	}
	code := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(answers[code].status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%[1]s.</Message></Error>", code)
	}))
	defer server.Close()
	for name, value := range map[string]string{"AWS_ENDPOINT_URL_S3": server.URL, "AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_REGION": "us-east-1"} {
		t.Setenv(name, value)
	}
	for code = range answers {
		_, err := Open(t.Context(), "s3://bucket/x", t.TempDir())
		wantError(t, err, "s3://bucket/x/: "+strings.ReplaceAll(answers[code].error, "$URL", server.URL))
	}
}
