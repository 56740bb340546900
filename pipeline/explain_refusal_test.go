package pipeline

import (
	"maps"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"oscar/heatmap"
	"oscar/internal/atomicfile"

	"oscar/methods"
)

func TestExplainRefusals(t *testing.T) {
	dir := photos(t, 4)
	out := filepath.Join(t.TempDir(), "out")
	explained(t, ExplainOptions{Paths: []string{dir}, Out: out})
	other := tiny()
	other.Training.Epochs, other.Seed = 1, 5
	run, err := train(t, TrainOptions{Experiment: other})
	if err != nil {
		t.Fatal(err)
	}
	half := interrupt(t, TrainOptions{Experiment: tiny()}, 12)
	file := filepath.Join(t.TempDir(), "file")
	write(t, file, "something")
	before := tree(t, out)
	fingerprints := []string{must(fingerprint(trained(t).Dir)), must(fingerprint(run.Dir))}
	names := strings.Join(methods.Names(), ", ")
	for _, test := range []struct {
		change func(*ExplainOptions)
		want   string
	}{
		{func(o *ExplainOptions) { o.Settings.Layer = "conv1" }, out + " holds explanations made with layer conv5, not conv1; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Class = "can" }, out + " holds explanations made with class predicted, not can; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Score = "probability" }, out + " holds explanations made with score by default, not probability; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Batch = 5 }, out + " holds explanations made with batch 4, not 5; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Alpha = 0.5 }, out + " holds explanations drawn with alpha 0.4, not 0.5; draw them again with \"oscar draw " + out + "\", or name a new folder"},
		{func(o *ExplainOptions) { o.Settings.ColorMap = "viridis" }, out + " holds explanations drawn with colormap jet, not viridis; draw them again with \"oscar draw " + out + "\", or name a new folder"},
		{func(o *ExplainOptions) { o.Machine.Limits.MaxPixels = 9 }, out + " holds explanations made with max-pixels 100000000, not 9; name a new folder"},
		{func(o *ExplainOptions) { o.Model = run.Dir }, out + " holds explanations made with model " + fingerprints[0] + ", not " + fingerprints[1] + "; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Method = "gradcam,saliency" }, out + " holds explanations made with method gradcam, not gradcam,saliency; name a new folder"},
		{func(o *ExplainOptions) { o.Settings.Method = "camcam" }, `no method "camcam"; have ` + names},
		{func(o *ExplainOptions) { o.Settings.Method = "gradcam," }, `no method ""; have ` + names},
		{func(o *ExplainOptions) { o.Settings.Method = "gradcam,lime,gradcam" }, "method gradcam is named twice"},
		{func(o *ExplainOptions) { o.Settings.Samples = -1 }, "samples is -1, want at least 1, or 0 for each method's default"},
		{func(o *ExplainOptions) { o.Settings.SignedColorMap = "pink" }, `no color map "pink"; have ` + strings.Join(heatmap.ColorMapNames(), ", ")},
		{func(o *ExplainOptions) { o.Settings.Layer = "conv9" }, `no layer "conv9" (conv1?); have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *ExplainOptions) { o.Settings.Layer = "fc1" }, `layer "fc1" gives [16], not a map [height,width,channels]; have conv1, relu1, bn1, conv5, relu5, pool5`},
		{func(o *ExplainOptions) { o.Settings.Class = "glass" }, `no class "glass"; have bottle, box, can, paper, roll, tray, or predicted, true, all`},
		{func(o *ExplainOptions) { o.Settings.Score = "loss" }, `no score "loss"; have logit, probability`},
		{func(o *ExplainOptions) { o.Settings.Batch = 0 }, "batch is 0, want at least 1"},
		{func(o *ExplainOptions) { o.Settings.Alpha = 1.5 }, "alpha is 1.5, want above 0 to 1"},
		{func(o *ExplainOptions) { o.Settings.ColorMap = "pink" }, `no color map "pink"; have ` + strings.Join(heatmap.ColorMapNames(), ", ")},
		{func(o *ExplainOptions) { o.Paths = []string{dir, "none"} }, `cannot read "none": no such file or directory`},
		{func(o *ExplainOptions) { o.Model = "none" }, "no model at none: want a run folder or a SavedModel folder"},
		{func(o *ExplainOptions) { o.Model = dir }, dir + " is neither a run folder (experiment.json) nor a SavedModel (saved_model.pb)"},
		{func(o *ExplainOptions) { o.Model = half }, "run " + half + ` has no saved_model yet: training is not finished; continue with "oscar train --resume ` + half + `", or take the best epoch so far with "oscar export"`},
		{func(o *ExplainOptions) { o.Out = run.Dir }, run.Dir + " is the folder of a run; name a new folder"},
		{func(o *ExplainOptions) { o.Out = dir }, dir + " is not empty; name a new folder"},
		{func(o *ExplainOptions) { o.Out = file }, file + " cannot be a folder for results: not a directory; name a new folder"},
		{func(o *ExplainOptions) { o.Out = file + "/out" }, file + "/out cannot be a folder for results: not a directory; name a new folder"},
		{func(o *ExplainOptions) { o.Out = "/proc/none/out" }, "cannot make the folder /proc/none/out: no such file or directory"},
	} {
		o := ExplainOptions{Paths: []string{dir}, Out: out, Settings: settings()}
		test.change(&o)
		_, err := tryExplain(t, &o)
		wantError(t, err, test.want)
	}
	held, err := atomicfile.Lock(out)
	if err != nil {
		t.Fatal(err)
	}
	_, err = tryExplain(t, &ExplainOptions{Paths: []string{dir}, Out: out})
	wantError(t, err, out+" is in use by another oscar")
	held.Close()
	if after := tree(t, out); !maps.Equal(before, after) {
		t.Error("the folder was changed")
	}
}

// Whatever setting is another one is named when a folder is refused.
func TestDifferenceNamesEverySetting(t *testing.T) {
	for f := range reflect.TypeFor[Settings]().Fields() {
		if f.Name == "Format" {
			continue
		}
		a, b := settings(), settings()
		switch v := reflect.ValueOf(&b).Elem().FieldByIndex(f.Index); v.Kind() {
		case reflect.String:
			v.SetString("other")
		case reflect.Float64:
			v.SetFloat(0.123)
		case reflect.Int, reflect.Int64:
			v.SetInt(123)
		case reflect.Uint64:
			v.SetUint(123)
		case reflect.Bool:
			v.SetBool(true)
		case reflect.Struct:
			v.FieldByName("Padding").SetInt(123)
		default:
			t.Fatalf("%s is a %s", f.Name, v.Kind())
		}
		key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		name := strings.ReplaceAll(key, "_", "-")
		if got := difference(a, b); !strings.HasPrefix(got, name+" ") || !strings.HasSuffix(got, ", not other") && !strings.HasSuffix(got, "123") && got != name+" false, not true" {
			t.Errorf("another %s: %q", f.Name, got)
		}
	}
}
