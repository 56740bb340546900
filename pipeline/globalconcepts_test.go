package pipeline

import (
	"fmt"
	"image"
	"image/color"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"oscar/global"
	"oscar/internal/testkit"
)

// stripes writes n images of level or of upright stripes, or of one and the other
// in turn, of any colors, with a patch of that size at some place.
func stripes(t *testing.T, dir, kind string, n, patch int, r *rand.Rand) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		img := image.NewRGBA(image.Rect(0, 0, 32, 32))
		var light, dark [3]int
		for c := range 3 {
			dark[c] = 30 + r.IntN(90)
			light[c] = dark[c] + 50 + r.IntN(70)
		}
		width, shift, top, left, gray := 3+r.IntN(3), r.IntN(9), r.IntN(32-patch), r.IntN(32-patch), r.IntN(200)
		for k := range 32 * 32 {
			y, x := k/32, k%32
			at := x
			if kind == "level" || kind == "either" && i%2 == 0 {
				at = y
			}
			tone := dark
			if (at+shift)/width%2 == 0 {
				tone = light
			}
			if y >= top && y < top+patch && x >= left && x < left+patch {
				tone = [3]int{gray, gray, gray}
			}
			noise := r.IntN(25) - 12
			img.SetRGBA(x, y, color.RGBA{byteOf(tone[0] + noise), byteOf(tone[1] + noise), byteOf(tone[2] + noise), 255})
		}
		testkit.WritePNG(t, filepath.Join(dir, fmt.Sprintf("%03d.png", i)), img)
	}
}

func byteOf(v int) uint8 { return uint8(min(max(v, 0), 255)) }

// A network that tells level from upright stripes goes by level ones for the one
// class and against them for the other. Large patches are a concept as well, but
// neither class depends on them.
func TestTCAVFindsWhatTheClassesDependOn(t *testing.T) {
	if testing.Short() {
		t.Skip("trains a network")
	}
	dir := t.TempDir()
	r := rand.New(rand.NewPCG(2, 7))
	for _, kind := range []string{"level", "upright"} {
		stripes(t, filepath.Join(dir, "data", kind), kind, 60, 8, r)
	}
	stripes(t, filepath.Join(dir, "concepts", "lines across"), "level", 30, 8, r)
	stripes(t, filepath.Join(dir, "concepts", "patches"), "either", 30, 18, r)
	experiment := tiny()
	experiment.Training.Epochs = 25
	run, err := train(t, TrainOptions{Data: filepath.Join(dir, "data"), Out: filepath.Join(dir, "run"), Experiment: experiment})
	if err != nil {
		t.Fatal(err)
	}
	defer run.Close()
	o := globalOptions(t)
	o.Model, o.Data, o.Concepts, o.Global = run.Dir, filepath.Join(dir, "data"), filepath.Join(dir, "concepts"), global.DefaultSettings()
	o.Global.What = []string{global.MethodTCAV}
	result := explainGlobal(t, o)
	if result.Images != 120 {
		t.Errorf("%d images", result.Images)
	}
	for _, c := range result.TCAV.Concepts {
		for _, s := range c.Classes {
			t.Logf("%s, %s: score %.2f ± %.2f, random %.2f ± %.2f, %.2f told right: %s, %s", c.Concept, s.Class,
				s.Score, s.Deviation, s.RandomScore, s.RandomDeviation, s.Accuracy, s.Verdict, s.Reason)
			significant, above := c.Concept == "lines across", s.Class == "level"
			if (s.Verdict == global.Significant) != significant || significant && s.Score > s.RandomScore != above {
				t.Errorf("%s is not what moves %s", c.Concept, s.Class)
			}
		}
	}
}
