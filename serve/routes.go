package serve

import (
	"bytes"
	"embed"
	"html/template"
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

// routes joins the paths of the server.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/models/{target...}", s.model)
	mux.HandleFunc("POST /v1/models/{target...}", s.model)
	mux.HandleFunc("GET /{$}", s.explore)
	mux.HandleFunc("POST /pictures", s.upload)
	mux.HandleFunc("GET /photo", s.photo)
	mux.HandleFunc("GET /overlay", s.overlay)
	mux.HandleFunc("GET /overlay.png", s.overlay)
	mux.HandleFunc("GET /map.npy", s.rawMap)
	mux.HandleFunc("GET /static/{file}", static)
	return s.guard(mux)
}

// static answers with one of the embedded files.
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
