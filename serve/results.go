package serve

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"oscar/report"
	"oscar/result"
)

// reportPolicy is the content security policy of package report's pages. These pages contain their
// style and pictures and have no scripts.
const reportPolicy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// refreshSeconds is the time after which a browser reloads the page of unfinished results.
const refreshSeconds = 15

// resultsPage lists the folders of results.
type resultsPage struct {
	Title string
	Links []link
}

// reports caches the pages of results while their files do not change.
type reports struct {
	mu    sync.Mutex // one page is rendered at a time
	pages map[string]madeReport
}

type madeReport struct {
	mark string
	html []byte
}

// results lists the folders of results.
func (s *Server) results(w http.ResponseWriter, _ *http.Request) {
	p := resultsPage{Title: "Results"}
	for _, c := range s.collections {
		if c.images {
			continue
		}
		note := strings.TrimPrefix(c.kind, "oscar ")
		if !c.finished() {
			note += fmt.Sprintf(", not finished: its page is made anew every %d seconds", refreshSeconds)
		}
		p.Links = append(p.Links, link{"/results/" + url.PathEscape(c.name), c.name, note, false})
	}
	s.render(w, http.StatusOK, "results", p)
}

// resultPage sends the up-to-date report of a folder.
func (s *Server) resultPage(w http.ResponseWriter, r *http.Request) {
	c, err := s.collection(r.PathValue("name"))
	if err == nil && c.images {
		err = notFound{fmt.Errorf("%s holds images, not results", c.name)}
	}
	if err != nil {
		fail(w, err)
		return
	}
	s.reports.mu.Lock()
	defer s.reports.mu.Unlock()
	mark, err := c.check()
	if err != nil {
		fail(w, err)
		return
	}
	made, ok := s.reports.pages[c.name]
	if !ok || made.mark != mark {
		var dirs []string
		for _, other := range s.collections {
			dirs = append(dirs, other.dir)
		}
		html, err := report.HTML(report.Within(r.Context(), dirs), report.Options{Dirs: []string{c.dir}, Version: s.options.Version}, "/results")
		if err != nil {
			fail(w, err)
			return
		}
		made = madeReport{mark, html}
		s.reports.pages[c.name] = made
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", reportPolicy)
	w.Header().Set("Cache-Control", "no-store")
	if !c.finished() {
		w.Header().Set("Refresh", strconv.Itoa(refreshSeconds))
	}
	w.Write(made.html)
}

// finished reports whether a folder of results is complete. A run is complete when it has an
// evaluation of the test part.
func (c *collection) finished() bool {
	verb, finished := report.KindOf(c.dir)
	if _, err := c.root.Stat(result.EvaluationFile); verb == "oscar train" && err != nil {
		return false
	}
	return finished
}

// check returns a mark that changes when a file of the results changes. A link that leads out of the
// folder is an error, because a report would follow it.
func (c *collection) check() (mark string, err error) {
	var b strings.Builder
	err = fs.WalkDir(c.root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.Type()&fs.ModeSymlink != 0 {
			if _, err := c.root.Stat(name); err != nil {
				return fmt.Errorf("%s is a link that leads out of the folder, or to nothing", name)
			}
		}
		if d.IsDir() {
			switch d.Name() {
			case "maps", "overlays", "sheets", "parts", "checkpoints":
				return fs.SkipDir
			}
			return nil
		}
		info, err := d.Info()
		if err == nil {
			fmt.Fprintln(&b, name, info.Size(), info.ModTime().UnixNano())
		}
		return nil // removed meanwhile
	})
	if err != nil {
		return "", fmt.Errorf("%s: %w", c.name, err)
	}
	return b.String(), nil
}
