package main

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"oscar/instance"
	"oscar/methods"
	"oscar/result"
)

// An exported detector does not know its epoch, and none is printed.
func TestEpochOfADetector(t *testing.T) {
	for epoch, want := range map[int]string{0: "0 detections", 7: "0 detections, epoch 7"} {
		if line := headline(&instance.Evaluation{Epoch: epoch, Part: "test"}); !strings.HasSuffix(line, want) {
			t.Errorf("epoch %d: %q", epoch, line)
		}
	}
}

// Where there is no map there is no share: a dash, and why.
func TestHeatOfNoMap(t *testing.T) {
	none := result.HeatSum{}.Mean()
	lime := []instance.MethodHeat{{Method: methods.At{Method: "lime"}, HeatSum: none}}
	for want, s := range map[string]*instance.ExplainSummary{
		"0 maps of 0 objects on 1 image: no object has a score of 0.5 or more": {Images: 1, Methods: lime, Control: none},
		"2 maps of 2 objects on 1 image: 2 empty": {
			Images: 1, Objects: 2, Maps: 2, Statuses: map[string]int{"empty": 2}, Methods: lime, Control: result.HeatSum{Maps: 2, Box: 1}},
	} {
		var out strings.Builder
		printHeat(&out, s)
		lines := strings.Split(out.String(), "\n")
		if lines[0] != want || strings.Count(lines[3], drawn.none) != 4 || strings.Contains(lines[3], "0.") || s.Objects == 0 && strings.Contains(lines[4], "0.") {
			t.Errorf("%s", &out)
		}
	}
}

// An interval of which an end has no value has none.
func TestIntervalWithoutAValue(t *testing.T) {
	for interval, want := range map[[2]float64]string{{-1, 0}: drawn.none, {-1, -1}: drawn.none, {0, 0.25}: "0.000-0.250"} {
		if got := shares(interval); got != want {
			t.Errorf("%v: %q, want %q", interval, got, want)
		}
	}
}

// A call that fails before it trains leaves the number of epochs as it was.
func TestDetectorLengthenedInVain(t *testing.T) {
	fixtures, err := detectorFixtures()
	if err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(t.TempDir(), "run")
	if err := os.CopyFS(run, os.DirFS(filepath.Join(fixtures, "detector"))); err != nil {
		t.Fatal(err)
	}
	before := contents(t, run)
	for data, want := range map[string]string{t.TempDir(): "is not a folder of scenes", "/none": "/none, does not exist"} {
		var stdout, stderr strings.Builder
		if status := call(t.Context(), []string{"train", data, "--resume", run, "--epochs", "9", "--threads", "1"}, &stdout, &stderr); status != exitFailed || !strings.Contains(stderr.String(), want) {
			t.Errorf("%s: status %d, %s", data, status, &stderr)
		}
		if !maps.Equal(before, contents(t, run)) {
			t.Errorf("%s: the run was changed", data)
		}
	}
}
