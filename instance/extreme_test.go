package instance

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/testkit"
	"oscar/result"
)

// No value of a key makes the check crash, and what it takes has a forecast of its memory.
func TestExtremeKeys(t *testing.T) {
	base := Default()
	base.Data.Objects = 10
	text, err := json.Marshal(base)
	if err != nil {
		t.Fatal(err)
	}
	var whole any
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	tries, taken := 0, 0
	try := func(path string, value json.Number) {
		b, err := json.Marshal(whole)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if r := recover(); r != nil {
				t.Errorf("%s=%s: %v", path, value, r)
			}
		}()
		tries++
		e := Default()
		if e.ReadYAML(b) != nil || e.Check() != nil {
			return
		}
		taken++
		if needs, err := e.Detector.Memory(e.Training.Batch, e.Data.Objects); err != nil || !(needs > 1<<20) || math.IsInf(needs, 0) {
			t.Errorf("%s=%s takes %g bytes, %v", path, value, needs, err)
		}
	}
	var walk func(v any, path string, set func(any))
	walk = func(v any, path string, set func(any)) {
		switch v := v.(type) {
		case map[string]any:
			for key, inner := range v {
				walk(inner, path+"."+key, func(n any) { v[key] = n })
			}
		case []any:
			for i, inner := range v {
				walk(inner, path, func(n any) { v[i] = n })
			}
		case float64:
			for _, value := range []json.Number{"0", "1", "-1", "0.5", "1e300", "-1e300", "1e-300", "1048576", "2147483648", "4611686018427387904", "9223372036854775807"} {
				set(value)
				try(path, value)
			}
			set(v)
		}
	}
	walk(whole, "", nil)
	if tries < 500 || taken < 50 {
		t.Errorf("%d tries, %d taken", tries, taken)
	}
}

// What would take all memory is refused before it is asked for.
func TestExtremeSizes(t *testing.T) {
	for _, set := range []string{
		"detector.anchors.sizes=[-32, 64, 128]", "detector.anchors.sizes=[1e300, 64, 128]", "detector.anchors.sizes=[.nan, 64, 128]", "detector.anchors.ratios=[.inf]",
		"detector.anchors.ratios=[1e-300]", "detector.pyramid.canonical=1e300", "detector.pyramid.filters=1000000", "detector.regions.detections=1000000",
		"detector.regions.train_proposals=1000000", "detector.regions.detection_score=.nan", "detector.box_size=1000000", "detector.mask_size=100000",
		"training.batch=100000", "training.epochs=4611686018427387904", "training.warmup_steps=4611686018427387904",
	} {
		e := Default()
		if err := e.Set(set); err == nil && e.Check() == nil {
			t.Errorf("%s is taken", set)
		}
	}
	for _, set := range []string{"training.batch=1024", "detector.input=[4096, 4096, 3]", "detector.mask_channels=16384", "data.objects=100000"} {
		e := Default()
		if err := e.Set(set); err != nil || e.Check() != nil {
			t.Errorf("%s: %v, %v", set, err, e.Check())
		} else if err := e.fits(1 << 32); err == nil || !strings.Contains(err.Error(), "GiB of memory") {
			t.Errorf("%s in 4 GiB: %v", set, err)
		}
	}
	e := Default()
	e.Data.Objects = 10
	if err := e.fits(4 << 30); err != nil {
		t.Errorf("the default: %v", err)
	}
	// Sizes multiply.
	layer := func(n int) string {
		return fmt.Sprintf("{name: conv%d, kind: conv2d, filters: 1048576, kernel: 1048575, stride: 1, padding: SAME}", n)
	}
	if err := e.Set("detector.region_head=[" + layer(1) + ", " + layer(2) + "]"); err == nil && e.Check() == nil && e.fits(1<<40) == nil {
		t.Error("a head of 2^80 weights is taken")
	}
}

// An Explain that was killed before its manifest was there begins anew; a finished one does not.
func TestKilledExplain(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{atomicfile.LockFile, "maps/0.npy", "overlays/0.jpg"} {
		testkit.Write(t, filepath.Join(dir, name), "x")
	}
	if err := checksum.Update(dir, "maps/0.npy"); err != nil {
		t.Fatal(err)
	}
	if resumed, err := explained.Check(dir); resumed || err != nil {
		t.Errorf("%v, %v", resumed, err)
	}
	testkit.Write(t, filepath.Join(dir, result.ManifestFile), "x")
	if resumed, err := explained.Check(dir); !resumed || err != nil {
		t.Errorf("finished: %v, %v", resumed, err)
	}
}
