package serve

import (
	"bytes"
	"embed"
	"html/template"
	"io"
	"net/http"
	"path"
	"time"

	"oscar/internal/text"
	"oscar/report/page"
)

//go:embed templates/*.tmpl
var templateFiles embed.FS

//go:embed static
var staticFiles embed.FS

var templates = template.Must(template.ParseFS(templateFiles, "templates/*.tmpl"))

// routes returns the handler of all paths.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok\n") })
	mux.HandleFunc("GET /readyz", s.ready)
	mux.HandleFunc("GET /login", s.loginForm)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("GET /static/{file}", static)
	mux.Handle("GET /metrics", s.withToken(s.metrics.handler()))
	for pattern, answer := range map[string]http.HandlerFunc{
		"GET /v1/models/{target...}":       s.model,
		"POST /v1/models/{target...}":      s.model,
		"GET /{$}":                         s.explore,
		"POST /pictures":                   s.upload,
		"GET /photo":                       s.photo,
		"GET /overlay":                     s.overlay,
		"GET /overlay.png":                 s.overlay,
		"GET /map.npy":                     s.rawMap,
		"GET /objects":                     s.outlined,
		"GET /object":                      s.objectMap,
		"GET /object.png":                  s.objectMap,
		"GET /object.npy":                  s.objectMap,
		"GET /results":                     s.results,
		"GET /results/{name}":              s.resultPage,
		"GET /browse":                      s.browseIndex,
		"GET /browse/{name}":               s.browse,
		"GET /browse/{name}/list.csv":      s.listCSV,
		"GET /thumb/{name}/{number}":       s.thumb,
		"GET /file/{name}/{number}/{what}": s.file,
	} {
		mux.Handle(pattern, s.withToken(s.bounded(answer)))
	}
	return s.guard(mux)
}

// ready reports whether the server accepts requests.
func (s *Server) ready(w http.ResponseWriter, _ *http.Request) {
	if s.stopping.Load() {
		fail(w, errClosed)
		return
	}
	io.WriteString(w, "ready\n")
}

// static sends one of the embedded files.
func static(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	data := []byte(page.Style())
	if name != "page.css" {
		var err error
		if data, err = staticFiles.ReadFile(path.Join("static", name)); err != nil {
			http.NotFound(w, r)
			return
		}
	}
	w.Header().Set("Cache-Control", "no-cache")
	http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(data))
}

// render writes a page.
func (s *Server) render(w http.ResponseWriter, status int, name string, data any) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&text.Writer{To: &b}, name, struct {
		Page    any
		Version string
	}{data, s.options.Version}); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(b.Bytes())
}
