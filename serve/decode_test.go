package serve

import (
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
)

// Whatever a body holds, the decoder gives images of the model's size, or an error.
func FuzzDecodeRequest(f *testing.F) {
	for _, body := range []string{
		`{"instances": [[[[1,2,3],[4,5,6]]]]}`, `{"inputs": {"image": [[[[1,2,3],[4,5,6]]]], "class": [1]}}`,
		`{"signature_name": "serve", "instances": [{"b64": "AAAA"}, {"image": {"b64": "AAAA"}, "class": -1}], "method": "gradcam", "samples": 3}`,
		`{"examples": [{"image": [[[1,2,3],[4,5,6]]]}]}`, `{"inputs": {"b64": "AAAA"}}`, `{"inputs": {"image": {"b64": "AAAA"}}}`,
		``, `{`, `null`, `{"instances": [[[[1e400]]]]}`, `{"instances": {}}`, "{\"a\": \"\xff\"}", strings.Repeat("[", 20000),
		`{"a":1,"a":2}`, `{"inputs": {"class": [1,2], "image": []}}`,
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		const height, width, most = 1, 2, 3
		var fields []string
		if len(body)%2 == 1 {
			fields = explainFields
		}
		r, err := decodeRequest(strings.NewReader(body), height, width, most, fields)
		if err != nil {
			if text := err.Error(); text == "" || strings.Contains(text, "\n") || r != nil {
				t.Fatalf("error %q with %v", text, r)
			}
			return
		}
		if len(r.Items) == 0 || len(r.Items) > most {
			t.Fatalf("%d images", len(r.Items))
		}
		for _, it := range r.Items {
			if it.class < explain.Predicted || (it.pixels == nil) == (it.file == nil) || it.pixels != nil && len(it.pixels) != height*width*3 {
				t.Fatalf("image %+v", it)
			}
			for _, v := range it.pixels {
				if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
					t.Fatalf("pixel %v", v)
				}
			}
		}
	})
}

// Errors of every faulty body are plain: they do not name the packages that read JSON, nor Go's types.
func TestDecodeErrorsArePlain(t *testing.T) {
	bodies := []string{
		`{"instances": [[[[1,2,3],[4,5,6]]]], "method": "gradcam"}`, `{"inputs": {"image": [{"b64": "AAAA"}], "class": [1]}}`,
		`{"instances": [{"b64": "AAAA", "class": 2}], "samples": 3}`,
	}
	var faulty []string
	for _, body := range bodies {
		for i := range body {
			faulty = append(faulty, body[:i], body[:i]+body[i+1:], body[:i]+body)
			for _, c := range []string{"{", "]", "x", "\"", "\\", "NaN", "null", "-", "\xff", "\x00", " 1 "} {
				faulty = append(faulty, body[:i]+c+body[i+1:], body[:i]+c+body[i:])
			}
		}
	}
	failed := 0
	for _, body := range faulty {
		_, err := decodeRequest(strings.NewReader(body), 1, 2, 3, explainFields)
		if err == nil {
			continue
		}
		failed++
		for _, word := range []string{"jsontext", "json:", "EOF", "unmarshal", "Go ", "token", "literal"} {
			if strings.Contains(err.Error(), word) {
				t.Errorf("%q: %v", body, err)
			}
		}
	}
	if failed < 1000 {
		t.Errorf("%d errors, want 1000 or more", failed)
	}
}

// Of 1,000 requests with random faults each has an answer or an error of the client, and the
// next good one is answered.
func TestThousandFaultyRequests(t *testing.T) {
	s := start(t, nil)
	file := b64(pictureFile(t))
	good := []string{
		`{"instances": [` + file + `]}`, `{"signature_name": "gradcam", "inputs": {"image": [` + file + `], "class": [1]}}`,
		`{"examples": [{"image": ` + file + `}]}`, `{"instances": [{"image": ` + file + `, "class": 1}], "method": "saliency", "seed": 3}`,
	}
	random := rand.New(rand.NewPCG(7, 7))
	statuses := map[int]int{}
	for i := range 1000 {
		body := []byte(good[i%len(good)])
		for range 1 + random.IntN(3) {
			// Most faults are near the ends, where the keys are; the picture lies between.
			at := random.IntN(min(len(body), 60))
			if random.IntN(3) == 0 {
				at = random.IntN(len(body))
			}
			switch random.IntN(4) {
			case 0:
				body[at] = byte(random.IntN(256))
			case 1:
				body = body[:at+1]
			case 2:
				body = slices.Delete(body, at, min(at+1+random.IntN(20), len(body)))
			default:
				body = slices.Insert(body, at, []byte(`{}[]",:-1e9null`)[random.IntN(15)])
			}
			if len(body) == 0 {
				break
			}
		}
		status, text := s.post("/v1/models/run:"+[]string{"predict", "classify", "explain"}[random.IntN(3)], string(body))
		if statuses[status]++; status != 200 && (status < 400 || status > 499 || into[map[string]string](t, text)["error"] == "") {
			t.Errorf("%d %.200s of %.100q", status, text, body)
		}
	}
	t.Logf("statuses %v", statuses)
	if statuses[400] < 500 {
		t.Errorf("only %d of 1000 were refused", statuses[400])
	}
	if status, text := s.post("/v1/models/run:predict", good[0]); status != 200 {
		t.Errorf("a good request after them: %d %.200s", status, text)
	}
}
