package testkit

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// S3Server is an S3 server on the loopback interface, in a separate process, with the empty bucket
// "bucket". It stores objects as files.
type S3Server struct {
	Root     string // objects are files below it: BUCKET/KEY
	Endpoint string // its URL

	t       *testing.T
	port    int
	process *exec.Cmd
}

// NewS3Server starts a server that ends with the test, and sets the environment for its
// clients. The test is skipped unless OSCAR_S3_SERVER names the program.
func NewS3Server(t *testing.T) *S3Server {
	t.Helper()
	program := os.Getenv("OSCAR_S3_SERVER")
	if program == "" {
		t.Skip("OSCAR_S3_SERVER names no S3 server: scripts/setup-s3 builds one")
	}
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &S3Server{Root: t.TempDir(), t: t, port: free.Addr().(*net.TCPAddr).Port}
	free.Close()
	if err := os.Mkdir(filepath.Join(s.Root, "bucket"), 0o777); err != nil {
		t.Fatal(err)
	}
	s.Endpoint = fmt.Sprintf("http://127.0.0.1:%d", s.port)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL_S3": s.Endpoint, "AWS_ACCESS_KEY_ID": "access", "AWS_SECRET_ACCESS_KEY": "secretsecret",
		"AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_PROFILE": "", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/nowhere",
	} {
		t.Setenv(name, value)
	}
	t.Cleanup(s.Kill)
	s.Start()
	return s
}

// Start starts the server, also again after Kill.
func (s *S3Server) Start() {
	s.t.Helper()
	s.process = exec.Command(os.Getenv("OSCAR_S3_SERVER"), "--access", "access", "--secret", "secretsecret", "--quiet", "--port", fmt.Sprintf("127.0.0.1:%d", s.port), "posix", s.Root)
	s.process.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.process.Start(); err != nil {
		s.t.Fatal(err)
	}
	for end := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", s.port))
		if err == nil {
			c.Close()
			return
		}
		if time.Now().After(end) {
			s.t.Fatalf("the S3 server does not listen: %v", err)
		}
	}
}

// Stop stops the server with SIGSTOP.
func (s *S3Server) Stop() {
	s.t.Helper()
	Stop(s.t, s.process.Process)
}

// Continue continues the server after [S3Server.Stop].
func (s *S3Server) Continue() {
	s.t.Helper()
	Continue(s.t, s.process.Process)
}

// Kill ends the server with SIGKILL.
func (s *S3Server) Kill() {
	s.process.Process.Kill()
	s.process.Wait()
}
