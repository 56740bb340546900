package serve

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/checksum"
	"oscar/savedmodel"
)

// A model without a layer to explain is served: without a method the image is explained, also on
// the page, and a method at a layer is refused with the reason.
func TestServeWithoutLayer(t *testing.T) {
	for name, test := range map[string]struct{ gradient, byDefault string }{
		"a gradient at the image": {"", "integrated-gradients"},
		"no gradient":             {"oscar knows no right gradient of MatMul", "occlusion"},
	} {
		t.Run(name, func(t *testing.T) {
			model := filepath.Join(t.TempDir(), "net")
			if err := os.CopyFS(model, os.DirFS(filepath.Join(shared(t), "run", "saved_model"))); err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(model, savedmodel.MetadataFile)
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			meta := into[savedmodel.Metadata](t, string(text))
			meta.Explain, meta.Experiment = "", nil
			meta.Layers = slices.DeleteFunc(meta.Layers, func(l savedmodel.Layer) bool { return len(l.Output) == 3 })
			meta.Origin = &savedmodel.Origin{Kind: "keras", NoGradient: map[string]string{"image": test.gradient}}
			if text, err = json.Marshal(meta); err == nil {
				if err = os.WriteFile(path, text, 0o666); err == nil {
					err = checksum.Update(model, savedmodel.MetadataFile)
				}
			}
			if err != nil {
				t.Fatal(err)
			}
			pictures := filepath.Join(shared(t), "shapes", "images")
			s := start(t, func(o *Options) { o.Models, o.Images = []string{model}, []string{pictures} })
			status, _, body := s.do("POST", "/v1/models/net:explain", "image/png", bytes.NewReader(pictureFile(t)))
			if want := `"method":"` + test.byDefault + `","layer":"image"`; status != http.StatusOK || !strings.Contains(body, want) {
				t.Errorf("%d %.200s, want %s", status, body, want)
			}
			status, _, body = s.do("POST", "/v1/models/net:explain?method=gradcam", "image/png", bytes.NewReader(pictureFile(t)))
			if status != http.StatusBadRequest || !strings.Contains(body, "occlusion") {
				t.Errorf("gradcam: %d %s", status, body)
			}
			_, header, _ := s.do("POST", "/pictures", "image/png", bytes.NewReader(pictureFile(t)))
			for _, page := range []string{"/", header.Get("Location"), header.Get("Location") + "&beside=methods", "/browse/images"} {
				if status, body := s.get(page); status != http.StatusOK || strings.Contains(body, "no layer") {
					t.Errorf("%s: %d %s", page, status, body)
				}
			}
		})
	}
}
