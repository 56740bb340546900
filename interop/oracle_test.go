package interop

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/npy"
	"oscar/savedmodel"
)

// checkOracle holds oscar's maps, made in Go, and those of the signature
// gradcam against Keras and GradientTape: every class, both scores, one image
// and many. Models without a bundle of variables have no weights to read.
func checkOracle(t *testing.T, models []model, record string) {
	var readable []model
	for _, m := range models {
		if m.variables > 0 {
			readable = append(readable, m)
		}
	}
	python(t, "OSCAR_PYTHON_TENSORFLOW", "oracle.py", readable)
	var version struct{ Version string }
	largest := oracleDifferences{}
	for _, m := range readable {
		text := must(os.ReadFile(filepath.Join(m.folder, "out", "oracle", "facts.json")))(t)
		if err := json.Unmarshal(text, &version); err != nil {
			t.Fatal(err)
		}
		checkMaps(t, m, largest)
		checkAtImage(t, m, largest)
	}
	for l, difference := range largest {
		l.Model, l.Oracle, l.Difference, l.Of = record, version.Version, difference, "its largest value"
		if record != "" {
			agreement.Check(t, l)
		}
	}
}

// oracleDifferences are the largest by line, which has no Difference.
type oracleDifferences map[agreement.Line]float64

func (d oracleDifferences) add(l agreement.Line, difference float64) {
	d[l] = max(d[l], difference)
}

// checkAtImage holds what looks at the image, the explainers in Go and the
// signatures, against GradientTape's gradients of the Keras network.
func checkAtImage(t *testing.T, m model, most oracleDifferences) {
	bundle := must(savedmodel.Open(m.dir(), graph.Config{}))(t)
	defer bundle.Close()
	signatures := bySession(t, m, m.cases, m.explanations...)
	for _, c := range m.cases {
		for _, method := range []string{"saliency", "gradient-x-input", "integrated-gradients", "guidedbackprop", "guidedgradcam"} {
			shape, values, err := npy.Read(filepath.Join(m.folder, "out", "oracle", "image", c.name, method+".npy"))
			if err != nil {
				t.Fatal(err)
			}
			want, got := array{shape, values}, array{shape: shape}
			for _, a := range must(explainerOf(t, m, bundle, method).Explain(t.Context(), c.images, c.targets))(t) {
				got.values = append(got.values, a.Map.Values...)
			}
			group := agreement.Gradients
			if strings.HasPrefix(method, "guided") {
				group = agreement.Relevance
			}
			for compared, a := range map[string]array{"map": got, "map of the signature": signatures[method][c.name]["raw"]} {
				if len(a.values) == 0 {
					continue // the model has no such signature
				}
				d, err := difference("raw", a, want)
				if err != nil || !(d <= m.bound(method)) {
					t.Errorf("%s, %s: %s differs by %.2g, %v", m.name, method, compared, d, err)
				}
				most.add(agreement.Line{Group: group, Subject: method, Compared: compared, Bound: m.bound(method)}, d)
			}
		}
	}
}

func checkMaps(t *testing.T, m model, most oracleDifferences) {
	bundle := must(savedmodel.Open(m.dir(), graph.Config{}))(t)
	defer bundle.Close()
	var each []inputs // every case for every class
	for _, c := range m.cases {
		for class := range m.meta.Classes {
			targets := slices.Repeat([]int{class}, c.images.N)
			each = append(each, inputs{fmt.Sprint(c.name, class), c.images, targets})
		}
	}
	signature := bySession(t, m, each, "gradcam")["gradcam"]

	for _, score := range []explain.Score{explain.Logit, explain.Probability} {
		largest := map[string]float64{}
		check := func(what, output string, got, want array, least float64) {
			t.Helper()
			d, err := differenceOver(output, got, want, least)
			if err != nil || !(d <= tolerance) {
				t.Errorf("%s, %s: %s differs by %.2g, %v", m.name, score, what, d, err)
			}
			largest[what] = max(largest[what], d)
			if output == "raw" {
				most.add(agreement.Line{Group: agreement.CAM, Subject: "gradcam", Compared: what + ", of the " + string(score), Bound: tolerance}, d)
			}
		}
		for _, c := range m.cases {
			oracle := func(score explain.Score, output string) array {
				shape, values, err := npy.Read(filepath.Join(m.folder, "out", "oracle", string(score), c.name, output+".npy"))
				if err != nil {
					t.Fatal(err)
				}
				return array{shape, values}
			}
			maps := oracle(score, "raw") // [classes,N,h,w]
			least := 0.0
			if score == explain.Probability {
				// A probability near 1 leaves maps of a few of its last bits: p (1-p)
				// times the logit's.
				for _, v := range oracle(explain.Logit, "raw").values {
					least = max(least, 0.01*math.Abs(float64(v)))
				}
			}
			size := len(maps.values) / maps.shape[0]
			for class := range m.meta.Classes {
				want := array{maps.shape[1:], maps.values[class*size : (class+1)*size]}
				targets := slices.Repeat([]int{class}, c.images.N)
				d := must(bundle.Differentiate(t.Context(), c.images, targets, m.meta.Explain, score))(t)
				got := array{shape: want.shape}
				for i := range d.Activations {
					got.values = append(got.values, gradcam.GradCAM(d.Activations[i], d.Gradients[i]).Values...)
				}
				check("map", "raw", got, want, least)
				if score == explain.Logit {
					check("signature's map", "raw", signature[fmt.Sprint(c.name, class)]["raw"], want, 0)
				}
			}
			prediction := must(bundle.Predict(t.Context(), c.images))(t)
			check("logits", "logits", rows(prediction.Logits), oracle(score, "logits"), 0)
			check("probabilities", "probabilities", rows(prediction.Probabilities), oracle(score, "probabilities"), 0)
		}
		logLargest(t, m, "by "+string(score), largest)
	}
}
