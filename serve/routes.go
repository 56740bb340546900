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
	for pattern, answer := range s.endpoints() {
		mux.Handle(pattern, s.withToken(s.bounded(answer)))
	}
	return s.guard(mux)
}

// endpoints returns the handlers of pages, pictures and models by pattern. The models' handlers
// check their fields themselves.
func (s *Server) endpoints() map[string]http.HandlerFunc {
	view, filter, none := viewParameters(), filterParameters(), []string(nil)
	return map[string]http.HandlerFunc{
		"GET /v1/models/{target...}":       s.model,
		"POST /v1/models/{target...}":      s.model,
		"GET /{$}":                         strict(view, s.explore),
		"POST /pictures":                   strict(view, s.upload),
		"GET /photo":                       strict(view, s.photo),
		"GET /overlay":                     strict(view, s.overlay),
		"GET /overlay.png":                 strict(view, s.overlay),
		"GET /map.npy":                     strict(view, s.rawMap),
		"GET /objects":                     strict(view, s.outlined),
		"GET /object":                      strict(view, s.objectMap),
		"GET /object.png":                  strict(view, s.objectMap),
		"GET /object.npy":                  strict(view, s.objectMap),
		"GET /results":                     strict(none, s.results),
		"GET /results/{name}":              strict(none, s.resultPage),
		"GET /browse":                      strict(none, s.browseIndex),
		"GET /browse/{name}":               strict(filter, s.browse),
		"GET /browse/{name}/list.csv":      strict(filter, s.listCSV),
		"GET /thumb/{name}/{number}":       strict(none, s.thumb),
		"GET /file/{name}/{number}/{what}": strict(none, s.file),
	}
}

// ready answers whether the server accepts requests.
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
