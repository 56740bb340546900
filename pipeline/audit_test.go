package pipeline

import (
	"encoding/csv"
	"image/color"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/dataset"
	"oscar/heatmap"
	"oscar/internal/paths"
	"oscar/internal/testkit"
	"oscar/result"
)

// An audit of a folder with an image under two labels, one that cannot be read and
// the images of the run.
func TestAudit(t *testing.T) {
	r := trained(t)
	data := testkit.CopyDir(t, shapes(t))
	// The twin differs in a pixel: the run's split does not know its content.
	twin := ""
	for _, item := range r.Split.Train {
		if strings.HasPrefix(item.Path, "can/") {
			twin = item.Path
		}
	}
	photo, err := dataset.DecodeFile(filepath.Join(data, filepath.FromSlash(twin)), dataset.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	photo.Set(0, 0, color.Black)
	if err := heatmap.WritePNG(filepath.Join(data, "box", "twin.png"), photo); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "box", "bad.png"), []byte("no image"), 0o666); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(t.TempDir(), "audit")
	a, err := Audit(t.Context(), AuditOptions{Model: r.Dir, Data: data, Part: "all", Method: "gradcam", Out: out, Machine: oneThread})
	if err != nil {
		t.Fatal(err)
	}
	if a.Images != 49 || a.Unreadable != 1 {
		t.Errorf("%d images, %d unreadable; want 49, 1", a.Images, a.Unreadable)
	}
	trained := 0
	for _, item := range r.Split.Train {
		if item.SHA256 != "" {
			trained++
		}
	}
	if a.Trained < trained || a.Unlike.Training != len(r.Split.Train) || a.Calibration == nil || a.Calibration.Images != a.Images-a.Trained {
		t.Errorf("trained %d, training %d, calibration %+v", a.Trained, a.Unlike.Training, a.Calibration)
	}
	twins := slices.ContainsFunc(a.Duplicates, func(g result.DuplicateGroup) bool {
		return slices.ContainsFunc(g.Images, func(i result.DuplicateImage) bool { return i.Image == "box/twin.png" }) &&
			slices.ContainsFunc(g.Images, func(i result.DuplicateImage) bool { return i.Image == twin })
	})
	if !twins {
		t.Errorf("the image under two names is not among the duplicates: %+v", a.Duplicates)
	}
	// A twin of a training image is very like one.
	likes := slices.ContainsFunc(a.Alike.Pairs, func(p result.AlikePair) bool { return p.Image == "box/twin.png" && p.Training == twin })
	if !likes {
		t.Errorf("box/twin.png is not like %s: %+v", twin, a.Alike)
	}
	for _, x := range a.Labels.Issues {
		if x.Label == x.Suggested || x.SuggestedConfidence < x.Confidence || x.Picture != "" && !paths.Exists(filepath.Join(out, x.Picture)) {
			t.Errorf("issue %+v", x)
		}
	}
	f, err := os.Open(filepath.Join(out, result.AuditTable))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) != a.Images+1 {
		t.Errorf("%d rows, %v; want %d", len(rows), err, a.Images+1)
	}
	suggested := 0
	for _, row := range rows[1:] {
		if row[6] != "" {
			suggested++
			if row[6] != row[3] {
				t.Errorf("the suggestion is not the most probable class: %v", row)
			}
		}
	}
	if suggested != len(a.Labels.Issues) {
		t.Errorf("%d suggestions, want %d", suggested, len(a.Labels.Issues))
	}
	if read, err := result.ReadAudit(out); err != nil || read.Images != a.Images {
		t.Errorf("read %+v, %v", read, err)
	}
	if _, err := Audit(t.Context(), AuditOptions{Model: r.Dir, Part: "test", Method: "gradcam", Out: out, Machine: oneThread}); err == nil || !strings.Contains(err.Error(), "holds another audit") {
		t.Error("a folder of results was written over")
	}
}
