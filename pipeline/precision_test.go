package pipeline

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/cpu"

	"oscar/internal/machine"
	"oscar/internal/testkit"
	"oscar/result"
)

// A run in bfloat16 that was interrupted ends with the bits of one that was not. What it
// was trained in is recorded, and it cannot be resumed in another precision.
func TestBFloat16Resumes(t *testing.T) {
	testkit.BFloat16(t)
	e := tiny()
	e.Training.Precision = machine.BFloat16
	whole, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []int{5, 9, 44} {
		t.Run(fmt.Sprint(step), func(t *testing.T) {
			dir := interrupt(t, TrainOptions{Experiment: e}, step)
			resume(t, dir, Listener{})
			sameRun(t, dir, whole.Dir)
		})
	}
	r, err := OpenRun(whole.Dir)
	if err != nil {
		t.Fatal(err)
	}
	if r.Environment.Precision != machine.BFloat16 || r.Experiment.Training.Precision != machine.BFloat16 {
		t.Errorf("environment.json says %s, experiment.json %s", r.Environment.Precision, r.Experiment.Training.Precision)
	}
	exact, err := OpenRun(trained(t).Dir)
	if err != nil {
		t.Fatal(err)
	}
	if exact.Environment.Precision != machine.Float32 {
		t.Errorf("a run in float32 says %s", exact.Environment.Precision)
	}
	edits, err := r.Experiment.Edits(&exact.Experiment)
	if err != nil || len(edits) != 1 || edits[0].Key != "training.precision" || edits[0].Allowed {
		t.Errorf("the experiments differ by %v, %v; want training.precision alone, which a run keeps", edits, err)
	}
}

// Maps of two precisions do not come into one folder, nor do scores.
func TestPrecisionsAreNotMixed(t *testing.T) {
	testkit.BFloat16(t)
	o := ExplainOptions{Model: trained(t).Dir, Paths: []string{filepath.Join(shapes(t), "can")}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings(), Machine: oneThread}
	if _, err := Explain(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before := tree(t, o.Out)
	o.Settings.Precision = machine.BFloat16
	_, err := Explain(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "made with precision float32, not bfloat16; name a new folder") {
		t.Errorf("another precision: %v", err)
	}
	if after := tree(t, o.Out); fmt.Sprint(after) != fmt.Sprint(before) {
		t.Error("the folder was changed")
	}
	o.Out = filepath.Join(t.TempDir(), "fast")
	if _, err := Explain(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	rows, err := ReadManifest(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Precision != machine.BFloat16 {
			t.Errorf("%s: precision %s", r.Image, r.Precision)
		}
	}
}

// Without instructions for it no job begins in bfloat16, and auto is float32.
func TestBFloat16IsRefusedWithoutInstructions(t *testing.T) {
	was := cpu.X86
	defer func() { cpu.X86 = was }()
	cpu.X86.HasAVX512BF16, cpu.X86.HasAMXBF16 = false, false
	const want = "precision bfloat16 needs a processor with AVX512_BF16 or AMX"
	fast := settings()
	fast.Precision = machine.BFloat16
	e := tiny()
	e.Training.Precision = machine.BFloat16
	for name, err := range map[string]error{
		"evaluate":       EvaluateOptions{Part: "test", Precision: machine.BFloat16}.Check(),
		"explain":        ExplainOptions{Settings: fast}.Check(),
		"explain-global": GlobalOptions{Part: "test", Settings: fast}.Check(),
		"score":          ScoreOptions{Part: "test", Settings: fast}.Check(),
		"train":          second(train(t, TrainOptions{Experiment: e})),
	} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	e.Training.Precision = machine.Auto
	e.Training.Epochs = 1
	r, err := train(t, TrainOptions{Experiment: e})
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Experiment.Training.Precision; got != machine.Float32 {
		t.Errorf("auto was recorded as %s", got)
	}
}

func second[T any](_ T, err error) error { return err }

// Auto takes bfloat16 for what was measured to be faster, and for nothing else.
func TestAutoAsksTheMeasurements(t *testing.T) {
	testkit.BFloat16(t)
	taken := 0
	for job, architectures := range speedups {
		for architecture, ratio := range architectures {
			want := machine.Float32
			if ratio >= minSpeedup {
				want = machine.BFloat16
				taken++
			}
			if got := choose(machine.Auto, job, architecture); got != want {
				t.Errorf("%s of %s: %s, measured %g times as fast", job, architecture, got, ratio)
			}
		}
	}
	if taken == 0 {
		t.Error("bfloat16 pays nowhere")
	}
	if got := choose(machine.Auto, jobTrain, "unheard"); got != machine.Float32 {
		t.Errorf("what was not measured gets %s", got)
	}
}

// Older files have no precision: they are of float32.
func TestFilesWithoutPrecision(t *testing.T) {
	rows, err := result.ParseRows("manifest.jsonl", []byte(`{"image":"a.jpg","status":"ok","method":"gradcam"}`+"\n"))
	if err != nil || rows[0].Precision != machine.Float32 {
		t.Errorf("%v, %v", rows, err)
	}
}

// Runs of versions without the key are resumed: the settings in their checkpoints, of
// which these have a hash, are written without it.
func TestFloat32IsLeftOutOfAnExperiment(t *testing.T) {
	text, err := json.Marshal(tiny())
	if err != nil || strings.Contains(string(text), "precision") {
		t.Errorf("%s, %v", text, err)
	}
}

// A method that loses by bfloat16 is computed in float32 beside others that are not: its
// maps have the bits of a run in float32, and its rows say so.
func TestExactMethodsKeepFloat32(t *testing.T) {
	testkit.BFloat16(t)
	explained := func(p Precision) map[string]Row {
		o := ExplainOptions{Model: trained(t).Dir, Paths: []string{filepath.Join(shapes(t), "can", "0000.png")}, Out: filepath.Join(t.TempDir(), "out"), Settings: settings(), Machine: oneThread}
		o.Settings.Method, o.Settings.Precision = "gradcam,layercam,saliency,ablationcam", p
		n := &notes{}
		o.Listener = n.listener()
		if _, err := Explain(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		if p == machine.BFloat16 {
			n.want(t, "computed in float32, for their maps lose by bfloat16: layercam, saliency, ablationcam")
		}
		rows, err := ReadManifest(o.Out)
		if err != nil {
			t.Fatal(err)
		}
		out := map[string]Row{}
		for _, r := range rows {
			text, err := os.ReadFile(filepath.Join(o.Out, r.Map))
			if err != nil {
				t.Fatal(err)
			}
			r.Map = string(text)
			out[r.Method] = r
		}
		return out
	}
	exact, fast := explained(machine.Float32), explained(machine.BFloat16)
	for name, r := range fast {
		want := machine.Float32
		if name == "gradcam" {
			want = machine.BFloat16
		}
		if r.Precision != want || (r.Map == exact[name].Map) != (want == machine.Float32) {
			t.Errorf("%s: the row says %s; the map is that of float32: %v", name, r.Precision, r.Map == exact[name].Map)
		}
	}
}
