package instance_test

import (
	"path/filepath"
	"testing"

	"oscar/instance"
	"oscar/run"
)

// The verbs that take long for one picture report progress within it: at least once for each
// map, and for each batch of a method that runs the detector often. It never goes back.
func TestProgressWithinAPicture(t *testing.T) {
	data := scenes(t)
	dir := filepath.Join(t.TempDir(), "run")
	if _, err := instance.Train(t.Context(), instance.TrainOptions{Data: data, Out: dir, Experiment: small(t), Machine: oneThread}); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(data, "images", "train", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(err)
	}
	picture := files[:1]
	var shares []float64
	listen := func(p run.Progress) {
		if p.Total != 1 || p.Images == 1 && p.Share != 1 {
			t.Errorf("%+v", p)
		}
		shares = append(shares, p.Share)
	}
	check := func(verb string, least int) {
		t.Helper()
		last, within := 0.0, 0
		for _, share := range shares {
			if share < last-1e-9 || share > 1 {
				t.Errorf("%s: from %g to %g", verb, last, share)
			}
			if last = share; share > 0 && share < 1-1e-9 {
				within++
			}
		}
		if within < least || last < 1-1e-9 {
			t.Errorf("%s: %d reports within the picture, want %d or more; the last is %g", verb, within, least, last)
		}
		shares = nil
	}
	out := filepath.Join(t.TempDir(), "explained")
	for method, runs := range map[string]int{"hirescam": 1, "hirescam,ablationcam": 1, "occlusion": 10, "d-rise": 10, "rise,d-rise": 20} {
		o := instance.ExplainOptions{Run: dir, Paths: picture, Out: filepath.Join(out, method), Method: method, Samples: 90, Least: 0.01, Machine: oneThread, Progress: listen}
		s, err := instance.Explain(t.Context(), o)
		if err != nil || s.Objects == 0 {
			t.Fatalf("%s: %+v, %v", method, s, err)
		}
		check("explain by "+method, s.Maps+runs-1)
		d, err := instance.Draw(t.Context(), instance.DrawOptions{Dir: o.Out, Machine: oneThread, Progress: listen})
		if err != nil {
			t.Fatal(err)
		}
		check("draw "+method, d.Maps)
	}
	o := instance.ScoreOptions{Run: dir, Paths: picture, Out: filepath.Join(out, "scores"), Method: "hirescam,d-rise", Samples: 90, PerClass: 1, Least: 0.01, Machine: oneThread}
	total := 0
	o.Listener.OnCount = func(done, all int) { total, shares = all, append(shares, float64(done)/1000) }
	s, err := instance.Score(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	if total == 0 || shares[len(shares)-1] < 0.999*float64(len(s.Objects)) {
		t.Errorf("score: %g of %d", shares, total)
	}
	for i := range shares {
		shares[i] /= float64(len(s.Objects))
	}
	shares = append(shares, 1)
	check("score", 10+len(s.Objects))
}
