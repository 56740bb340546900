package pipeline

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/global"
	"oscar/internal/checksum"
	"oscar/methods"
	"oscar/savedmodel"
	"oscar/score"
)

// withoutLayer copies a model as if it were adopted and no layer had a map: gradients reach
// the image, or nothing.
func withoutLayer(t *testing.T, gradient bool) string {
	t.Helper()
	model := copyDir(t, trained(t).Model())
	path := filepath.Join(model, savedmodel.MetadataFile)
	var meta savedmodel.Metadata
	if err := json.Unmarshal(must(os.ReadFile(path)), &meta); err != nil {
		t.Fatal(err)
	}
	meta.Explain, meta.Experiment = "", nil
	meta.Layers = slices.DeleteFunc(meta.Layers, func(l savedmodel.Layer) bool { return len(l.Output) == 3 })
	meta.Origin = &savedmodel.Origin{Kind: "keras", Signature: "serving_default", NoGradient: map[string]string{}}
	if !gradient {
		meta.Origin.NoGradient["image"] = "oscar knows no right gradient of MatMul"
	}
	if err := os.WriteFile(path, must(json.Marshal(meta)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := checksum.Update(model, savedmodel.MetadataFile); err != nil {
		t.Fatal(err)
	}
	return model
}

// Every job works on a model without a layer to explain, and on one without any gradient, also
// without the name of a method.
func TestModelsWithoutALayer(t *testing.T) {
	images := must(dataset.ListImages(t.Context(), []string{photos(t, 1)}))
	for _, test := range []struct {
		name, byDefault string
		gradient        bool
		signatures      []string // gradcam is of the copied model
	}{
		{"a gradient at the image", "integrated-gradients", true, []string{"gradcam", "integrated-gradients", "serve", "serving_default"}},
		{"no gradient", "occlusion", false, []string{"gradcam", "serve", "serving_default"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			model, out := withoutLayer(t, test.gradient), func() string { return filepath.Join(t.TempDir(), "out") }
			bundle := must(Open(model, oneThread.Config(0)))
			defer bundle.Close()
			settings := DefaultSettings()
			settings.Samples = 60
			settings.Method = ""
			_, rows := explained(t, ExplainOptions{Model: model, Paths: images, Out: out(), Settings: settings, Machine: oneThread})
			if rows[0].Method != test.byDefault || rows[0].Layer != "image" {
				t.Errorf("by default %s of %s, want %s of the image", rows[0].Method, rows[0].Layer, test.byDefault)
			}
			for _, m := range methods.Table { // each alone works, or is refused with the reason
				settings.Method = m.Name
				_, err := Explain(t.Context(), ExplainOptions{Model: model, Paths: images, Out: out(), Settings: settings, Machine: oneThread})
				lacks := methods.Supports(bundle, m)
				if (err == nil) != (lacks == nil) {
					t.Errorf("%s: %v; supported: %v", m.Name, err, lacks)
				}
				if m.UsesLayer() && (err == nil || !strings.Contains(err.Error(), "occlusion")) {
					t.Errorf("%s: %v, want the name of a method that works", m.Name, err)
				}
			}
			settings.Method = AllMethods
			_, rows = explained(t, ExplainOptions{Model: model, Paths: images, Out: out(), Settings: settings, Machine: oneThread})
			if want := len(methods.Table) - len(methods.Lacking(bundle)); len(rows) != want || want < 3 {
				t.Errorf("all are %d methods, want %d", len(rows), want)
			}
			mustScore(t, ScoreOptions{Model: model, Data: shapes(t), Part: "all", Out: out(), Settings: settings, Scoring: score.Options{Metrics: []string{"gini"}, PerClass: 1}, Machine: oneThread})

			settings.Method, settings.Class = "", TargetAll
			g, err := ExplainGlobal(t.Context(), GlobalOptions{Model: model, Data: shapes(t), Part: "all", Out: out(), Settings: settings, Global: global.DefaultSettings(), Machine: oneThread})
			if err != nil || g.AverageMethod != test.byDefault {
				t.Errorf("global: %+v %v", g, err)
			}
			a, err := Audit(t.Context(), AuditOptions{Model: model, Data: shapes(t), Part: "all", Out: out(), Machine: oneThread})
			if err != nil || a.Method != test.byDefault {
				t.Errorf("audit: %+v %v", a, err)
			}
			for _, pair := range [][2]string{{model, trained(t).Model()}, {trained(t).Model(), model}} {
				c, err := Compare(t.Context(), CompareOptions{Models: pair, Data: shapes(t), Part: "all", Machine: oneThread})
				if err != nil || c.Drift.Method != test.byDefault {
					t.Errorf("compare: %+v %v", c, err)
				}
			}
			exported := out()
			if err := Export(t.Context(), ExportOptions{Model: model, Out: exported, Threads: oneThread.Threads}); err != nil {
				t.Error(err)
			} else if i := must(Inspect(exported, 1, false)); !slices.Equal(i.Signatures, test.signatures) {
				t.Errorf("signatures %v, want %v", i.Signatures, test.signatures)
			}
		})
	}
}
