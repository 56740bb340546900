package pipeline

import (
	"os"
	"testing"

	"oscar/dataset"
	"oscar/internal/paths"
	"oscar/result"
)

// How often a shard of six images runs the session: the CAMs of a layer share
// one run, whatever their number; what shows the model variants fills batches.
// The files are read once: when the model has run they are gone, and the
// overlays are drawn nonetheless.
func TestSessionRuns(t *testing.T) {
	for _, c := range []struct {
		method, layer, class string
		samples, batch       int
		want                 int64
	}{
		{method: "gradcam", batch: 6, want: 1},
		{method: "gradcam,gradcam++,hirescam,layercam,xgradcam,eigencam", batch: 6, want: 1},
		{method: "gradcam,gradcam++,hirescam,layercam,xgradcam,eigencam", layer: "conv1,conv5", batch: 6, want: 2},
		{method: "gradcam,layercam", class: TargetAll, batch: 6, want: 6},
		{method: "scorecam", batch: 6, want: 1 + 6},    // of each image 12 channels in one batch
		{method: "ablationcam", batch: 6, want: 1 + 6}, // the same
		{method: "rise", samples: 10, batch: 6, want: 1 + 6*2},
		{method: "rise", samples: 10, batch: 10, want: 1 + 6},
		{method: "lime", samples: 10, batch: 3, want: 2 + 6*3},                 // one of the ten is the image itself
		{method: "smoothgrad", samples: 10, batch: 5, want: 2 + 6*2},           // the images, five and one
		{method: "integrated-gradients", samples: 10, batch: 6, want: 1 + 6*2}, // ten points and the baseline
		{method: "gradcam,xgradcam,rise", samples: 10, batch: 10, want: 1 + 1 + 6},
	} {
		s := settings()
		s.Method, s.Layer, s.Samples, s.Batch = c.method, c.layer, c.samples, c.batch
		if c.class != "" {
			s.Class = c.class
		}
		if got := sessionRuns(t, s); got != c.want {
			t.Errorf("%s at %q of %s, %d samples by %d: %d session runs, want %d", c.method, c.layer, s.Class, c.samples, c.batch, got, c.want)
		}
	}
}

// sessionRuns explains six images as one shard.
func sessionRuns(t *testing.T, s Settings) int64 {
	t.Helper()
	bundle := must(Open(trained(t).Dir, Config{Threads: Threads{Intra: 1}}))
	defer bundle.Close()
	images := must(dataset.ListImages(t.Context(), []string{photos(t, 6)}))
	out := t.TempDir()
	if err := initResultDir(out, s, Listener{}); err != nil {
		t.Fatal(err)
	}
	m := must(newMapper(bundle, s, out, labels{classes: bundle.Metadata.Classes}, dataset.Limits{}))
	p := must(newPainter(s, out))
	defer p.close()
	before := bundle.Runs()
	gone := func(float64) {
		for _, path := range images {
			os.Remove(path)
		}
	}
	shard := shardsOf(images, len(images))[0]
	rows, photos, err := m.shard(t.Context(), shard, gone)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.shard(t.Context(), rows, photos); err != nil {
		t.Fatal(err)
	}
	wantExplained(t, p, shard)
	return bundle.Runs() - before
}

// wantExplained wants every image explained and drawn although its file is gone.
func wantExplained(t *testing.T, p *painter, s shard) {
	t.Helper()
	rows := mappedRows(p.dir, s.part)
	if len(rows) == 0 || !p.drawn(rows) {
		t.Error("the shard is not finished")
	}
	for _, r := range rows {
		if paths.Exists(r.Image) || r.Status == result.Unreadable || r.Overlay == "" {
			t.Errorf("%s of %s is %s, overlay %q; the file is still there: %v", r.Method, r.Image, r.Status, r.Overlay, paths.Exists(r.Image))
		}
	}
}
