package serve

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// pagePolicy is the content security policy of pages: they load only what this server sends.
const pagePolicy = "default-src 'none'; img-src 'self' blob:; style-src 'self'; script-src 'self'; connect-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// guard wraps the handler of all requests. It gives each an id and a deadline, limits the size of
// the body, logs the request, and refuses requests from other sites.
func (s *Server) guard(next http.Handler) http.Handler {
	sameOrigin := http.NewCrossOriginProtection()
	sameOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, http.StatusForbidden, errors.New("the request comes from a page of another site"))
	}))
	next = s.withHost(sameOrigin.Handler(next))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		out := &recorder{ResponseWriter: w}
		id := rand.Text()[:12]
		defer func() {
			if p := recover(); p != nil && p != http.ErrAbortHandler {
				s.log.Error("panic", "request", id, "error", fmt.Sprint(p), "stack", string(debug.Stack()))
				if out.status == 0 {
					fail(out, errors.New("internal error"))
				}
			}
			s.log.LogAttrs(r.Context(), slog.LevelInfo, "request",
				slog.String("request", id), slog.String("method", r.Method), slog.String("path", r.URL.Path),
				slog.Int("status", out.status), slog.Int64("bytes", out.bytes), slog.Duration("time", time.Since(began)))
			s.metrics.request(r, out.status, time.Since(began))
			// net/http reads the rest of the body before it sends the answer. The error is ignored: not every
			// ResponseWriter has deadlines.
			_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(restTime))
		}()
		h := out.Header()
		h.Set("X-Request-Id", id)
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		ctx, cancel := context.WithTimeout(r.Context(), s.options.Deadline)
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(out, r.Body, s.options.MaxBody)
		next.ServeHTTP(out, r)
	})
}

// withHost refuses requests whose Host header is not one of the server's names.
func (s *Server) withHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.knownHost(r.Host) {
			refuse(w, http.StatusMisdirectedRequest, fmt.Errorf("this server is not called %q; name it with --host", r.Host))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bounded limits the number of concurrent requests of all handlers and refuses others.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !s.enter() {
			fail(w, errFull)
			return
		}
		defer s.leave()
		next.ServeHTTP(w, r)
	})
}

// enter takes a free slot for a request and reports whether there was one. The caller frees it with
// leave.
func (s *Server) enter() bool {
	select {
	case s.places <- struct{}{}:
		return true
	default:
		s.metrics.refused.Inc()
		return false
	}
}

func (s *Server) leave() { <-s.places }

// refuse sends an error of guard.
func refuse(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, map[string]string{"error": err.Error()})
}

// knownHost reports whether a Host header has one of the server's names. This prevents DNS
// rebinding: a page of another site whose name resolves to this server sends the name of the site.
func (s *Server) knownHost(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	name = strings.ToLower(strings.Trim(name, "[]"))
	listening, _, _ := net.SplitHostPort(s.options.Addr)
	if name == "localhost" || name == strings.ToLower(listening) || slices.Contains(s.options.Hosts, name) {
		return true
	}
	ip := net.ParseIP(name)
	if ip == nil {
		return false
	}
	// A server that listens on all addresses accepts each address as its host. DNS rebinding needs a
	// name.
	on := net.ParseIP(listening)
	return ip.IsLoopback() || on != nil && on.IsUnspecified()
}

// recorder records the status and the size of an answer.
type recorder struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Unwrap is called by http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
