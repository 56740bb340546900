package pipeline

import (
	"image"
	"image/draw"
	"math"
	"os"
	"path/filepath"
	"testing"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/heatmap"
	"oscar/internal/testkit"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// A dot on a black image is all that gradient times input can mark. Whatever the aspect
// that a model was trained with, its overlay marks the dot where the image has it: wide,
// tall and turned by EXIF; also drawn anew, and by way of a model that forgot its run.
func TestFramingEndToEnd(t *testing.T) {
	dir := t.TempDir()
	shapes := filepath.Join(dir, "shapes")
	if err := dataset.Synthesize(t.Context(), shapes, dataset.SyntheticOptions{PerClass: 4, Width: 48, Height: 32}); err != nil {
		t.Fatal(err)
	}
	photos := filepath.Join(dir, "photos")
	if err := os.Mkdir(photos, 0o777); err != nil {
		t.Fatal(err)
	}
	at := map[string]image.Point{} // the dots' middles
	for name, c := range map[string]struct{ size, dot image.Point }{
		"wide.png": {image.Pt(192, 96), image.Pt(120, 24)}, "tall.png": {image.Pt(96, 192), image.Pt(24, 120)}, "turned.jpg": {image.Pt(96, 192), image.Pt(70, 70)},
	} {
		photo := image.NewRGBA(image.Rectangle{Max: c.size})
		draw.Draw(photo, photo.Rect, image.Black, image.Point{}, draw.Src)
		draw.Draw(photo, image.Rectangle{c.dot, c.dot}.Inset(-8), image.White, image.Point{}, draw.Src)
		path := filepath.Join(photos, name)
		var err error
		if name == "turned.jpg" {
			err = os.WriteFile(path, testkit.TurnedJPEG(t, photo), 0o666)
		} else {
			err = heatmap.WritePNG(path, photo)
		}
		if err != nil {
			t.Fatal(err)
		}
		at[path] = c.dot
	}
	for _, aspect := range dataset.Aspects() {
		e := experiment.Default()
		e.Architecture = tfmodel.Architecture{Name: "tiny"}
		e.Training.Epochs, e.Training.LearningRate = 1, 1e-3
		e.Data.Aspect = aspect
		run := filepath.Join(dir, string(aspect))
		r, err := Train(t.Context(), TrainOptions{Data: filepath.Join(shapes, "images"), Out: run, Experiment: e, Machine: oneThread})
		if err != nil {
			t.Fatal(err)
		}
		model := filepath.Join(dir, string(aspect)+"-model")
		if err := Export(t.Context(), ExportOptions{Model: r.Dir, Out: model}); err != nil {
			t.Fatal(err)
		}
		meta, _, err := savedmodel.Describe(model)
		if err != nil || meta.Image.Aspect != string(aspect) {
			t.Fatalf("the model has the aspect %q, want %q; %v", meta.Image.Aspect, aspect, err)
		}
		settings := DefaultSettings()
		settings.Method, settings.Bare, settings.SignedColorMap = "gradient-x-input", true, "seismic"
		out := filepath.Join(dir, string(aspect)+"-explained")
		if _, err := Explain(t.Context(), ExplainOptions{Model: model, Paths: []string{photos}, Out: out, Settings: settings, Machine: oneThread}); err != nil {
			t.Fatal(err)
		}
		checkDots(t, string(aspect), out, at)
		if _, err := Draw(t.Context(), DrawOptions{Dir: out, SignedAlpha: 0.5, Machine: oneThread}); err != nil {
			t.Fatal(err)
		}
		checkDots(t, string(aspect)+", drawn anew", out, at)
	}
}

// checkDots compares where overlays have colors with where the dots are.
func checkDots(t *testing.T, name, out string, at map[string]image.Point) {
	t.Helper()
	rows, err := ReadManifest(out)
	if err != nil || len(rows) != len(at) {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for _, r := range rows {
		overlay, err := dataset.DecodeFile(filepath.Join(out, r.Overlay), dataset.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		x, y, mass := 0.0, 0.0, 0.0
		for i := 0; i < len(overlay.Pix); i += 4 {
			// A gray image under white, where the map is 0: colors are those of the map.
			v := math.Abs(float64(overlay.Pix[i]) - float64(overlay.Pix[i+2]))
			if v > 40 {
				x, y, mass = x+v*(float64(i%overlay.Stride/4)+0.5), y+v*(float64(i/overlay.Stride)+0.5), mass+v
			}
		}
		dot := at[r.Image]
		if x, y = x/mass, y/mass; !(math.Abs(x-float64(dot.X)) < 6 && math.Abs(y-float64(dot.Y)) < 6) {
			t.Errorf("%s, %s: colors at (%.0f,%.0f), the dot is at %v", name, filepath.Base(r.Image), x, y, dot)
		}
	}
}
