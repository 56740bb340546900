package serve

import (
	"math"
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
		r, err := decodeRequest(strings.NewReader(body), height, width, most)
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
