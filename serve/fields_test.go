package serve

import (
	"bytes"
	"errors"
	"fmt"
	"image/gif"
	"image/jpeg"
	"maps"
	"mime/multipart"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// misspelt returns a word without its second letter, which no list of fields has.
func misspelt(t *testing.T, word string, known []string) string {
	t.Helper()
	wrong := word[:1] + word[2:]
	if slices.Contains(known, wrong) {
		t.Fatalf("%s is known", wrong)
	}
	return wrong
}

// refuses checks that an answer is an error of the client that has the text.
func refuses(t *testing.T, what string, status int, body, want string) {
	t.Helper()
	if status != 400 || !strings.Contains(into[map[string]string](t, body)["error"], want) {
		t.Errorf("%s: %d %.200s, want 400 and %s", what, status, body, want)
	}
}

// Every path of oscar's own refuses a parameter that it does not know.
func TestUnknownParameters(t *testing.T) {
	s := start(t, func(o *Options) { o.Images = []string{shared(t) + "/shapes/images"} })
	replace := strings.NewReplacer("{$}", "", "{name}", "images", "{number}", "0", "{what}", "map")
	for _, pattern := range slices.Sorted(maps.Keys(s.endpoints())) {
		method, path, _ := strings.Cut(pattern, " ")
		if strings.Contains(path, "{target...}") {
			continue // TestUnknownFields
		}
		var known []string
		switch {
		case strings.HasPrefix(path, "/browse/"):
			known = filterParameters()
		case !strings.HasPrefix(path, "/browse") && !strings.HasPrefix(path, "/results") && !strings.Contains(path, "{"),
			path == "/{$}":
			known = viewParameters()
		}
		ask := func(query string) (int, string) {
			status, _, body := s.do(method, replace.Replace(path)+"?"+query, "", nil)
			return status, body
		}
		status, body := ask("zzzzzzzz=1")
		refuses(t, pattern, status, body, `no parameter "zzzzzzzz"`)
		status, body = ask("%zz=1")
		refuses(t, pattern, status, body, "the query of the URL")
		for _, name := range known {
			status, body := ask(misspelt(t, name, known) + "=1")
			refuses(t, pattern+" "+name, status, body, "?); have ")
			if _, body := ask(name + "="); strings.Contains(body, "no parameter") {
				t.Errorf("%s does not know %s: %.200s", pattern, name, body)
			}
		}
	}
	status, body := s.get("/browse/images/list.csv?region=nonsense")
	refuses(t, "a list of a wrong region", status, body, "want X,Y in percent")
}

// :explain refuses a field that it does not know or whose value has another type, in the query
// and in JSON, of classifiers and detectors. Every field that it knows has an effect: a
// value that makes no sense is an error.
func TestUnknownFields(t *testing.T) {
	classifier := start(t, nil)
	heaps, _, heap := startDetector(t, nil)
	for _, c := range []struct {
		s      *testServer
		model  string
		fields []string
		file   []byte
	}{{classifier, "run", explainFields, pictureFile(t)}, {heaps, "heaps", objectFields, heap}} {
		path, image := "/v1/models/"+c.model+":explain", `{"instances": [`+b64(c.file)+`]`
		inQuery := func(query string) (int, string) {
			status, _, body := c.s.do("POST", path+"?"+query, "image/png", bytes.NewReader(c.file))
			return status, body
		}
		for _, name := range append(slices.Clone(c.fields), "signature_name") {
			wrong, want := misspelt(t, name, c.fields), "?); have "
			if name == "signature_name" {
				wrong, want = name, "have "
			}
			status, body := inQuery(wrong + "=1")
			refuses(t, c.model+" query "+wrong, status, body, want)
			status, body = c.s.post(path, image+fmt.Sprintf(`, %q: "1"}`, wrong))
			refuses(t, c.model+" JSON "+wrong, status, body, want)
			status, body = c.s.post(path+"?"+wrong+"=1", image+`}`)
			refuses(t, c.model+" JSON with the query "+wrong, status, body, want)
		}
		for _, name := range c.fields {
			status, body := inQuery(name + "=%3F%3F")
			refuses(t, c.model+" query "+name, status, body, "??")
			for _, value := range []string{`true`, `["a"]`, `{"a": 1}`} {
				status, body := c.s.post(path, image+fmt.Sprintf(`, %q: %s}`, name, value))
				refuses(t, c.model+" JSON "+name+" "+value, status, body, name+" has ")
			}
			status, body = inQuery(name + "=1&" + name + "=2")
			refuses(t, c.model+" twice "+name, status, body, name+" is given 2 times")
			status, body = c.s.post(path+"?"+name+"=1", image+fmt.Sprintf(`, %q: 1}`, name))
			refuses(t, c.model+" twice "+name, status, body, name+" is given in the body and in the query")
			if status, body := c.s.post(path, image+fmt.Sprintf(`, %q: null}`, name)); status != 200 {
				t.Errorf("%s null: %d %.200s", name, status, body)
			}
		}
		query := url.Values{"method": {"saliency"}, "class": {c.s.classes()[1]}}
		_, want := inQuery(query.Encode())
		if status, got := c.s.post(path+"?"+query.Encode(), image+`}`); status != 200 || got != want {
			t.Errorf("%s: the query with JSON: %d %.300s, want %.300s", c.model, status, got, want)
		}
		_, got := c.s.post(path, `{"method": "saliency", "instances": [{"image": `+b64(c.file)+`, "class": 1}]}`)
		if got != want {
			t.Errorf("%s: the class of an instance: %.300s, want %.300s", c.model, got, want)
		}
		// TensorFlow Serving ignores what it does not know; a file as the body is oscar's own.
		if status, body := c.s.post("/v1/models/"+c.model+":predict?metod=1", image+`, "metod": 1}`); status != 200 {
			t.Errorf("%s:predict %d %.200s", c.model, status, body)
		}
		status, _, body := c.s.do("POST", "/v1/models/"+c.model+":predict?signature=x", "image/png", bytes.NewReader(c.file))
		refuses(t, c.model+":predict", status, body, `no parameter "signature" (signature_name?); have signature_name`)
	}
}

// classes are those of the only model.
func (s *testServer) classes() []string {
	if d := s.models.detectors; len(d) > 0 {
		return d[0].Classes
	}
	return s.models.models[0].current.Metadata.Classes
}

// form is a form with a field and one file for each of the given ones.
func form(t *testing.T, fields map[string]string, files ...[]byte) (kind, body string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for name, value := range fields {
		if err := w.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	for i, file := range files {
		part, err := w.CreateFormFile(fmt.Sprintf("file%d", i), "a.png")
		if err != nil {
			t.Fatal(err)
		}
		part.Write(file)
	}
	w.Close()
	return w.FormDataContentType(), b.String()
}

// An image file is recognized by its content, whatever its Content-Type, alone or in a form.
// What is neither an image nor JSON is one line that says how to send an image.
func TestFilesAsTheyAreSent(t *testing.T) {
	classifier := start(t, nil)
	heaps, _, heap := startDetector(t, nil)
	for _, c := range []struct {
		s    *testServer
		base string
		file []byte
	}{{classifier, "/v1/models/run", pictureFile(t)}, {heaps, "/v1/models/heaps", heap}} {
		photo := decoded(t, c.file)
		var asJPEG, asGIF bytes.Buffer
		if err := errors.Join(jpeg.Encode(&asJPEG, photo, nil), gif.Encode(&asGIF, photo, nil)); err != nil {
			t.Fatal(err)
		}
		for _, file := range [][]byte{c.file, asJPEG.Bytes(), asGIF.Bytes()} {
			for _, verb := range []string{":predict", ":explain?method=saliency"} {
				_, _, want := c.s.do("POST", c.base+verb, "image/*", bytes.NewReader(file))
				for _, kind := range []string{"", "application/x-www-form-urlencoded", "application/octet-stream", "application/json", "no kind;"} {
					if status, _, got := c.s.do("POST", c.base+verb, kind, bytes.NewReader(file)); status != 200 || got != want {
						t.Errorf("%s as %q: %d %.200s", verb, kind, status, got)
					}
				}
				kind, body := form(t, nil, file)
				if status, _, got := c.s.do("POST", c.base+verb, kind, strings.NewReader(body)); status != 200 || got != want {
					t.Errorf("%s as a form: %d %.200s", verb, status, got)
				}
			}
			_, _, want := c.s.do("POST", c.base+":explain?method=saliency&format=npy", "image/*", bytes.NewReader(file))
			kind, body := form(t, map[string]string{"method": "saliency", "format": "npy"}, file)
			if status, _, got := c.s.do("POST", c.base+":explain", kind, strings.NewReader(body)); status != 200 || got != want {
				t.Errorf("fields of a form: %d %.200s", status, got)
			}
			if status, _, got := c.s.do("POST", "/pictures", kind, strings.NewReader(body)); status != 400 || !strings.Contains(got, "have picture") {
				t.Errorf("/pictures with fields: %d", status)
			}
			kind, body = form(t, nil, file)
			if status, _, _ := c.s.do("POST", "/pictures", kind, strings.NewReader(body)); status != 303 {
				t.Errorf("/pictures as a form: %d", status)
			}
		}
		big := strings.Repeat("a", maxField+1)
		for _, f := range []struct {
			fields map[string]string
			files  [][]byte
			want   string
		}{
			{nil, nil, "the form has no file; an image file is the body, with Content-Type: image/jpeg"},
			{nil, [][]byte{c.file, c.file}, "several files"},
			{nil, [][]byte{[]byte("hello")}, "image 0: "},
			{nil, [][]byte{{}}, "image 0: "},
			{map[string]string{"metod": "saliency"}, [][]byte{c.file}, `no field "metod" (method?)`},
			{map[string]string{"method": big}, [][]byte{c.file}, "method has more than 4096 bytes"},
			{map[string]string{"method": "none"}, [][]byte{c.file}, "no method"},
		} {
			kind, body := form(t, f.fields, f.files...)
			status, _, text := c.s.do("POST", c.base+":explain", kind, strings.NewReader(body))
			refuses(t, f.want, status, text, f.want)
		}
		kind, body := form(t, map[string]string{"method": "saliency"}, c.file)
		status, _, text := c.s.do("POST", c.base+":explain?method=saliency", kind, strings.NewReader(body))
		refuses(t, "twice", status, text, "in the body and in the query")
		status, _, text = c.s.do("POST", c.base+":explain", kind, strings.NewReader(body[:len(body)/2]))
		refuses(t, "half a form", status, text, "the form: ")
		status, _, text = c.s.do("POST", c.base+":explain", "multipart/form-data", strings.NewReader(body))
		refuses(t, "no boundary", status, text, "Content-Type: image/jpeg")
		for _, body := range []string{"hello", "\xff\xfe", "3", "%PDF-1.7", "null", "a=b"} {
			status, _, text := c.s.do("POST", c.base+":predict", "", strings.NewReader(body))
			refuses(t, body, status, text, "Content-Type: image/jpeg")
		}
	}
}
