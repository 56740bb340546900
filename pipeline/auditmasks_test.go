package pipeline

import (
	"encoding/csv"
	"image"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/explain"
	"oscar/heatmap"
	"oscar/result"
)

// The object is the left half of the image. Of the positive heat 4 of 10 lie in it.
func TestHeatOutsideByHand(t *testing.T) {
	mask := image.NewRGBA(image.Rect(0, 0, 4, 2))
	for i := range 8 {
		mask.Set(i%4, i/4, color.Black)
		if i%4 < 2 {
			mask.Set(i%4, i/4, color.White)
		}
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "can"), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := heatmap.WritePNG(filepath.Join(dir, "can", "a b.png"), mask); err != nil {
		t.Fatal(err)
	}
	j := &auditing{masks: objectMasks{dir, dataset.Framing{Height: 2, Width: 4, Interpolation: dataset.Bilinear}, dataset.DefaultLimits}}
	heat := explain.Grid{Height: 2, Width: 4, Values: []float32{3, 1, 0, 5, -7, 0, 1, -1}}
	if share, area, err := j.outside(heat, "can/a b.jpg"); err != nil || math.Abs(share-0.6) > 1e-6 || area != 0.5 {
		t.Errorf("share %v, area %v, %v; want 0.6, 0.5", share, area, err)
	}
	for name, heat := range map[string]explain.Grid{"can/none.jpg": heat, "can/a b.jpg": explain.NewGrid(2, 4)} {
		if share, area, err := j.outside(heat, name); err != nil || !math.IsNaN(share) || !math.IsNaN(area) {
			t.Errorf("%s: share %v, area %v, %v; want NaN", name, share, area, err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "can", "bad.png"), []byte("no image"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := j.outside(heat, "can/bad.jpg"); err == nil || !strings.Contains(err.Error(), "mask of can/bad.jpg") {
		t.Errorf("a mask that is no image: %v", err)
	}
}

// The synthetic set has its masks next to the images.
func TestAuditOfMasks(t *testing.T) {
	r := trained(t)
	masks := MaskDir(shapes(t))
	o := AuditOptions{Model: r.Dir, Part: "test", Method: "gradcam", Out: filepath.Join(t.TempDir(), "audit"), Machine: oneThread}
	a, err := Audit(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if a.Masks != masks || len(a.Outside) != len(a.Classes) {
		t.Fatalf("masks %q, outside %+v", a.Masks, a.Outside)
	}
	maps := 0
	for _, x := range a.Outside {
		if maps += x.Images; x.Images > 0 && !(x.Share >= 0 && x.Share <= 1 && x.Chance > 0.5 && x.Chance < 1) {
			t.Errorf("%+v", x)
		}
	}
	f, err := os.Open(filepath.Join(o.Out, result.AuditTable))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at, measured := slices.Index(rows[0], "outside_share"), 0
	for _, row := range rows[1:] {
		if row[at] != "" {
			measured++
		}
	}
	if measured == 0 || measured != maps {
		t.Errorf("%d rows have a share, %d maps were counted", measured, maps)
	}
	o.Masks = t.TempDir()
	if _, err := Audit(t.Context(), o); err == nil || !strings.Contains(err.Error(), "holds another audit") {
		t.Errorf("other masks: %v", err)
	}
	o.Out = filepath.Join(t.TempDir(), "audit")
	if _, err := Audit(t.Context(), o); err == nil || !strings.Contains(err.Error(), "has no mask of any image") {
		t.Errorf("a folder without masks: %v", err)
	}
}
