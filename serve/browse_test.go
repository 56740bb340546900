package serve

import (
	"bytes"
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"image/jpeg"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"oscar/pipeline"
	"oscar/result"
)

// hrefs lists the links of a page that match.
func hrefs(t *testing.T, page, pattern string) (out []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	re := regexp.MustCompile(pattern)
	for n := range root.Descendants() {
		for _, a := range n.Attr {
			if (a.Key == "href" || a.Key == "src") && re.MatchString(a.Val) {
				out = append(out, a.Val)
			}
		}
	}
	return out
}

// explained makes a folder of explanations of the shared images.
func explained(t *testing.T) string {
	t.Helper()
	s := pipeline.DefaultSettings()
	s.Method = "gradcam,saliency"
	out := filepath.Join(t.TempDir(), "explained")
	_, err := pipeline.Explain(t.Context(), pipeline.ExplainOptions{
		Model: filepath.Join(shared(t), "run"), Paths: []string{filepath.Join(shared(t), "shapes", "images")}, Out: out, Settings: s,
		Machine: pipeline.Machine{Threads: oneThread, Workers: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// browsing starts a server with the shared images, the run and explanations, and
// classifies the images.
func browsing(t *testing.T) *testServer {
	t.Helper()
	results := explained(t)
	s := start(t, func(o *Options) {
		o.Images, o.Results = []string{filepath.Join(shared(t), "shapes", "images")}, []string{filepath.Join(shared(t), "run"), results}
	})
	s.classifyAll(t.Context())
	return s
}

func TestBrowse(t *testing.T) {
	s := browsing(t)
	rows, err := result.ReadManifest(s.collections[len(s.collections)-1].dir)
	if err != nil {
		t.Fatal(err)
	}
	count := func(keep func(result.Row) bool) (n int) {
		for _, r := range rows {
			if r.Method == "gradcam" && keep(r) {
				n++
			}
		}
		return n
	}
	right := count(func(r result.Row) bool { return r.Truth == r.Predicted })
	all := count(func(result.Row) bool { return true })
	for path, want := range map[string]int{
		"/browse/images":                                  all,
		"/browse/images?answer=right":                     right,
		"/browse/images?answer=wrong&sort=unsure":         all - right,
		"/browse/images?from=50":                          count(func(r result.Row) bool { return r.Probabilities[r.Predicted] >= 0.5 }),
		"/browse/images?to=50&border_from=":               count(func(r result.Row) bool { return r.Probabilities[r.Predicted] <= 0.5 }),
		"/browse/images?from=x":                           0,
		"/browse/images?border_to=-1":                     0,
		"/browse/images?truth=can":                        6,
		"/browse/images?truth=nothing":                    0,
		"/browse/explained?method=saliency":               all,
		"/browse/explained?method=gradcam&answer=right":   right,
		"/browse/explained?part=test&method=gradcam":      count(func(r result.Row) bool { return r.Part == "test" }),
		"/browse/explained?method=saliency&page=99999999": all,
	} {
		status, page := s.get(path)
		thumbs := hrefs(t, page, "^/thumb/")
		if status != 200 || len(thumbs) != want {
			t.Errorf("%s: status %d, %d pictures, want %d", path, status, len(thumbs), want)
		}
		for _, thumb := range thumbs[:min(2, len(thumbs))] {
			status, data := s.get(thumb)
			if picture, err := jpeg.Decode(strings.NewReader(data)); status != 200 || err != nil || max(picture.Bounds().Dx(), picture.Bounds().Dy()) != thumbSide {
				t.Errorf("%s: %d %v", thumb, status, err)
			}
		}
	}
	// Two rows an image: two pages of 60.
	_, page := s.get("/browse/explained")
	next := hrefs(t, page, "page=2")
	if len(hrefs(t, page, "^/thumb/")) != perPage || len(next) != 1 {
		t.Fatalf("the next page: %v", next)
	}
	if _, page = s.get(next[0]); len(hrefs(t, page, "^/thumb/")) != 2*all-perPage {
		t.Errorf("the second page has %d pictures", len(hrefs(t, page, "^/thumb/")))
	}
	// The list has all pages of a filter.
	_, list := s.get(hrefs(t, page, "list.csv")[0])
	if lines, err := csv.NewReader(strings.NewReader(list)).ReadAll(); err != nil || len(lines) != 2*all+1 || lines[1][1] != rows[0].Truth || lines[1][6] != rows[0].Method {
		t.Errorf("the list: %v, %.300s", err, list)
	}
	// A cell of the confusion matrix leads to as many pictures as it says.
	_, page = s.get("/browse/images")
	cells := hrefs(t, page, "truth=.*#grid$")
	if len(cells) == 0 {
		t.Fatal("no cell of the matrix has a link")
	}
	n := 0
	for _, cell := range cells {
		_, page := s.get(strings.TrimSuffix(cell, "#grid"))
		n += len(hrefs(t, page, "^/thumb/"))
	}
	if n != all {
		t.Errorf("the cells of the matrix have %d pictures, want %d", n, all)
	}
	// The matrix names the model and how many pictures of each part it counts, for each filter.
	parts := map[string]int{}
	for _, e := range s.collections[0].entries {
		parts[e.Part]++
	}
	if parts["train"] == 0 || parts["test"] == 0 {
		t.Fatalf("parts %v", parts)
	}
	for path, want := range map[string][]string{
		"/browse/images":               {"Classified by the model ", fmt.Sprintf("%d of the part test", parts["test"]), fmt.Sprintf("%d of the part train", parts["train"]), "trained on those of train"},
		"/browse/images?part=test":     {"Classified by the model ", fmt.Sprintf("Counted: %d of the part test.", parts["test"])},
		"/browse/explained":            {"of the part train", "trained on those of train"},
		"/browse/explained?part=train": {fmt.Sprintf("Counted: %d of the part train.", parts["train"])},
	} {
		_, page := s.get(path)
		for _, text := range want {
			if !strings.Contains(page, text) {
				t.Errorf("%s lacks %q", path, text)
			}
		}
	}
	if note := countedParts(map[string]int{"": 3}); !strings.Contains(note, "not known") {
		t.Error(note)
	}
	// A picture leads to its explanation.
	for _, path := range []string{"/browse/images?truth=can", "/browse/explained?truth=can"} {
		_, page = s.get(path)
		looks := hrefs(t, page, `^/\?.*picture=`)
		if len(looks) == 0 {
			t.Fatalf("%s: no picture leads to the explorer", path)
		}
		if status, page := s.get(looks[0]); status != 200 || len(hrefs(t, page, "^/overlay")) == 0 {
			t.Errorf("%s: %d", looks[0], status)
		}
	}
	for path, want := range map[string]int{
		"/browse/none": 404, "/thumb/images/99999": 404, "/thumb/images/-1": 404, "/thumb/images/a": 404, "/file/explained/0/map": 200, "/file/explained/0/overlay": 200, "/file/images/0/map": 404,
	} {
		if status, text := s.get(path); status != want {
			t.Errorf("%s: %d %.100s", path, status, text)
		}
	}
}

func TestResultPages(t *testing.T) {
	s := browsing(t)
	_, page := s.get("/results")
	links := hrefs(t, page, "^/results/")
	if len(links) < 2 {
		t.Fatalf("results %v", links)
	}
	for _, path := range links {
		status, header, text := s.do("GET", path, "", nil)
		if status != 200 || header.Get("Content-Security-Policy") != reportPolicy || !strings.Contains(text, `<a href="/results">All results</a>`) {
			t.Errorf("%s: %d", path, status)
		}
		if strings.Contains(text, "<script") || strings.Contains(text, shared(t)) {
			t.Errorf("%s has a script, or a path of this machine", path)
		}
	}
	if status, _ := s.get("/results/images"); status != 404 {
		t.Errorf("images as results: %d", status)
	}
}

// The page of a run that is still trained shows its epochs so far, and is asked for again.
func TestLiveResults(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "live")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(shared(t), "run"))); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"evaluation.json", "report.html", "saved_model", "SHA256SUMS"} {
		if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	metrics := filepath.Join(dir, "metrics.jsonl")
	all, err := os.ReadFile(metrics)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(all), "\n")
	s := start(t, func(o *Options) { o.Results = []string{dir} })
	for epochs := 1; epochs <= 2; epochs++ {
		if err := os.WriteFile(metrics, []byte(strings.Join(lines[:epochs], "")), 0o666); err != nil {
			t.Fatal(err)
		}
		status, header, page := s.do("GET", "/results/live", "", nil)
		if want := map[int]string{1: "for 1 epoch", 2: " at epoch 2;"}[epochs]; status != 200 || header.Get("Refresh") == "" || !strings.Contains(page, want) {
			t.Errorf("after epoch %d: status %d, refresh %q, no %q in %.3000s", epochs, status, header.Get("Refresh"), want, page[strings.Index(page, "<body"):])
		}
	}
}

// Nothing outside the given folders is read: not by names in URLs, links in folders,
// rows of a manifest, or a report.
func TestNothingOutsideIsRead(t *testing.T) {
	top := t.TempDir()
	images, outside := filepath.Join(top, "images"), filepath.Join(top, "outside")
	for _, dir := range []string{filepath.Join(images, "can"), filepath.Join(images, "<b>box"), outside} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
	}
	secret := filepath.Join(outside, "secret.png")
	for _, path := range []string{secret, filepath.Join(images, "can", "a.png"), filepath.Join(images, "<b>box", "\"><img src=x>.png")} {
		if err := os.WriteFile(path, pictureFile(t), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for from, to := range map[string]string{"can/link.png": secret, "can/dir": outside} {
		if err := os.Symlink(to, filepath.Join(images, from)); err != nil {
			t.Fatal(err)
		}
	}
	results := explained(t)
	// The first row's map leads out by a link, the second's overlay.
	rows, err := result.ReadManifest(results)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{rows[0].Map, rows[1].Overlay} {
		path := filepath.Join(results, name)
		os.Remove(path)
		if err := os.Symlink(secret, path); err != nil {
			t.Fatal(err)
		}
	}
	s := start(t, func(o *Options) { o.Images, o.Results = []string{images}, []string{results} })
	s.classifyAll(t.Context())
	status, page := s.get("/browse/images")
	if thumbs := hrefs(t, page, "^/thumb/"); status != 200 || len(thumbs) != 2 {
		t.Errorf("the pictures are %v", thumbs)
	}
	if strings.Contains(page, "<b>box") || strings.Contains(page, "<img src=x>") {
		t.Error("a name is HTML")
	}
	for _, name := range []string{
		"images/../outside/secret.png", "images/can/../../outside/secret.png", "images/can/link.png", "images/can/dir/secret.png", "images//" + secret,
		"images/" + secret, "../outside/secret.png", "/etc/passwd", "explained/explain.json", "images/..", "images/", "images/can",
	} {
		for _, path := range []string{"/photo", "/overlay", "/overlay.png", "/map.npy", "/"} {
			if status, text := s.get(path + "?picture=" + url.QueryEscape(name)); status == 200 {
				t.Errorf("%s of %s: %d %.60s", path, name, status, text)
			}
		}
	}
	for _, path := range []string{"/file/explained/0/map", "/file/explained/1/overlay", "/thumb/explained/1", "/browse/..%2foutside", "/results/..%2f..%2fetc", "/static/..%2fserver.go"} {
		if status, _ := s.get(path); status == 200 {
			t.Errorf("%s is answered", path)
		}
	}
	// The rows name photographs outside of --images: they do not lead to the explorer, and
	// the report does without them.
	_, page = s.get("/browse/explained")
	if looks := hrefs(t, page, `picture=`); len(looks) != 0 {
		t.Errorf("%v leads to a photograph outside", looks[0])
	}
	status, page = s.get("/results/explained")
	if status != 200 || strings.Contains(page, `alt="Photograph`) {
		t.Errorf("the report: %d, or it shows a photograph outside", status)
	}
	if err := os.Symlink(secret, filepath.Join(results, "note.json")); err != nil {
		t.Fatal(err)
	}
	if status, text := s.get("/results/explained"); status == 200 || !strings.Contains(text, "leads out of the folder") {
		t.Errorf("a report with a link out: %d %.100s", status, text)
	}
}

func TestFoldersThatAreNone(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	os.WriteFile(file, []byte("x"), 0o666)
	hostile := t.TempDir()
	line, err := json.Marshal(result.Row{Image: "a.png", Overlay: "../../etc/passwd", Status: "ok"})
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(filepath.Join(hostile, result.ManifestFile), bytes.TrimSpace(line), 0o666)
	os.WriteFile(filepath.Join(hostile, result.SettingsFile), []byte("{}"), 0o666)
	for _, o := range []Options{{Images: []string{file}}, {Images: []string{"none"}}, {Images: []string{t.TempDir()}}, {Results: []string{t.TempDir()}}, {Results: []string{file}}, {Results: []string{hostile}}} {
		options := DefaultOptions()
		options.Models, options.Threads, options.Images, options.Results = []string{filepath.Join(shared(t), "run")}, oneThread, o.Images, o.Results
		if s, err := New(options); err == nil {
			s.Close()
			t.Errorf("%v %v are taken", o.Images, o.Results)
		} else if strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q", err)
		}
	}
}

// Classification in the background ends with its context.
func TestClassifyEnds(t *testing.T) {
	s := start(t, func(o *Options) { o.Images = []string{filepath.Join(shared(t), "shapes", "images")} })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s.classifyAll(ctx)
	if _, page := s.get("/browse/images"); !strings.Contains(page, "0 of 36 pictures are classified so far") {
		t.Error("the page does not say how far it is")
	}
}
