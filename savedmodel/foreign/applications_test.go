package foreign

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"oscar/explain"
	"oscar/gradcam"
	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/savedmodel"
)

// exported is a model of testdata/applications.py or testdata/zoo.py with Python's answers.
type exported struct {
	folder  string
	options Options
	flat    bool // the output is the logits

	Layers     []string `json:"layers"`
	Scale      string   `json:"scale"`
	Seconds    float64  `json:"seconds"` // of the processor, from the folder to the first answer
	Parameters int      `json:"parameters"`
}

// missed are comparisons with a bound of their own, with the reason.
var missed = map[string]float64{}

// Keras's application networks and other kinds of models are explained as Python explains
// them. OSCAR_KERAS_ZOO names a folder of testdata/applications.py, and `make zoo` writes
// docs/correctness.md's table from all; without it a small one is made.
func TestApplications(t *testing.T) {
	root := os.Getenv("OSCAR_KERAS_ZOO")
	if root == "" {
		root = t.TempDir()
		python(t, "applications.py", root, "MobileNetV3Small")
	}
	folders, err := filepath.Glob(filepath.Join(root, "*", "model.json"))
	if err != nil || len(folders) == 0 {
		t.Fatalf("%s has no models: %v", root, err)
	}
	var models []exported
	for _, path := range folders {
		models = append(models, exported{folder: filepath.Dir(path)})
	}
	if os.Getenv("OSCAR_ZOO_TABLE") != "" {
		for _, name := range []string{"user_seq", "nested", "preprocessing", "odd", "vit", "tf1"} {
			models = append(models, exported{folder: filepath.Join(zoo(t), name), options: zooModels[name].options, flat: zooModels[name].flat})
		}
	}
	var all []agreement.Model
	for _, m := range models {
		t.Run(filepath.Base(m.folder), func(t *testing.T) {
			readJSON(t, &m, m.folder, "model.json")
			if m.Scale != "" {
				m.options.Image.Scale = m.Scale
			}
			c := m.compare(t)
			all = append(all, c)
			t.Logf("%s: %v; %v s", c.Model, differences(c), c.Seconds)
			for what, d := range differences(c) {
				bound := tolerance
				if b, ok := missed[c.Model+" "+what]; ok {
					bound = b
				}
				if !(d <= bound) {
					t.Errorf("%s differs by %.2g of the largest value, more than %.2g", what, d, bound)
				}
			}
		})
	}
	if path := os.Getenv("OSCAR_ZOO_TABLE"); path != "" {
		b, err := json.MarshalIndent(all, "", "  ")
		if err == nil {
			err = os.WriteFile(path, append(b, '\n'), 0o666)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// differences are those of a model, by what is compared.
func differences(c agreement.Model) map[string]float64 {
	out := map[string]float64{"answers": *c.Answers}
	if c.Saliency != nil {
		out["saliency"], out["integrated gradients"] = *c.Saliency, *c.Integrated
	}
	for i, layer := range c.Layers {
		out["gradcam at "+layer] = c.GradCAM[i]
	}
	return out
}

func (m exported) compare(t *testing.T) agreement.Model {
	model := filepath.Join(t.TempDir(), "model")
	start := processor()
	a, err := Adopt(t.Context(), filepath.Join(m.folder, "export"), model, m.options)
	if err != nil {
		t.Fatal(err)
	}
	adopted := processor()
	b, err := savedmodel.Open(model, graph.Config{Optimizer: graph.OptimizeNothing})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	in := images(t, m.folder)
	p, err := b.Predict(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	c := agreement.Model{
		Model: filepath.Base(m.folder), Image: [2]int{in.Height, in.Width}, Parameters: a.Metadata.Parameters, Layers: m.Layers,
		Seconds: [3]float64{adopted - start, processor() - adopted, m.Seconds},
	}
	shape, output := read(t, m.folder, "output")
	var got []float32
	for i := range p.Logits {
		switch {
		case m.flat:
			got = append(got, p.Logits[i]...)
		case shape[1] == 1:
			got = append(got, p.Probabilities[i][1])
		default:
			got = append(got, p.Probabilities[i]...)
		}
	}
	c.Answers = apart(t, got, output)
	if _, err := os.Stat(filepath.Join(m.folder, "image.grad.npy")); err != nil {
		return c // Python did not survive it
	}
	predicted := slices.Repeat([]int{explain.Predicted}, in.N)
	for _, layer := range m.Layers {
		d, err := b.Differentiate(t.Context(), in, predicted, layer, explain.Logit)
		if err != nil {
			t.Fatal(err)
		}
		var cams []float32
		for i := range d.Gradients {
			cams = append(cams, gradcam.GradCAM(d.Activations[i], d.Gradients[i]).Values...)
		}
		shape, values := read(t, m.folder, layer+".values")
		_, grads := read(t, m.folder, layer+".grad")
		if len(shape) == 3 && shape[1] == 37 { // of tokens the first is none of the grid's
			values, grads = withoutFirst(shape, values), withoutFirst(shape, grads)
		}
		c.GradCAM = append(c.GradCAM, *apart(t, cams, gradCAM(values, grads, in.N, shape[len(shape)-1])))
	}
	_, gradient := read(t, m.folder, "image.grad")
	_, integral := read(t, m.folder, "integrated")
	saliency, integrated := make([]float32, len(gradient)/3), make([]float32, len(integral)/3)
	for i, g := range gradient {
		saliency[i/3] = max(saliency[i/3], g, -g)
		integrated[i/3] += integral[i]
	}
	maps := func(e explain.Explainer) (values []float32) {
		all, err := e.Explain(t.Context(), in, predicted)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			values = append(values, m.Map.Values...)
		}
		return values
	}
	c.Saliency = apart(t, maps(explain.Saliency{Model: b}), saliency)
	c.Integrated = apart(t, maps(explain.IntegratedGradients{Model: b, Steps: 20, Batch: 1}), integrated)
	return c
}

// apart is the largest difference, as a share of the largest value.
func apart(t *testing.T, got, want []float32) *float64 {
	t.Helper()
	if len(got) != len(want) || len(want) == 0 {
		t.Fatalf("%d values, want %d", len(got), len(want))
	}
	largest, d := 0.0, 0.0
	for i := range want {
		largest = max(largest, math.Abs(float64(want[i])))
		if e := math.Abs(float64(got[i]) - float64(want[i])); !(e <= d) {
			d = e
		}
	}
	d /= largest
	return &d
}

// processor is the time that this process has had of all processors, in seconds.
func processor() float64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	seconds := func(t syscall.Timeval) float64 { return float64(t.Sec) + float64(t.Usec)/1e6 }
	return seconds(u.Utime) + seconds(u.Stime)
}
