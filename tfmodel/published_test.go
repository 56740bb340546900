package tfmodel

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/graph"
	"oscar/internal/npy"
)

// Parameters of a thousand classes. Published counts leave out the moving
// averages of batch normalization, which are what is not trained.
func TestPublishedParameters(t *testing.T) {
	for _, test := range []struct {
		a       Architecture
		trained int
		frozen  int
	}{
		{VGG11(1000), 132_863_336, 0},                                    // torchvision
		{VGG11BN(1000), 132_868_840, 2 * (64 + 128 + 2*256 + 4*512)},     // torchvision
		{VGG16(1000), 138_357_544, 0},                                    // Keras and torchvision
		{ResNet18(1000), 11_689_512, 2 * (5*64 + 5*128 + 5*256 + 5*512)}, // torchvision
		{ResNet50(1000), 25_636_712 - 53_120, 53_120},                    // Keras
		{MobileNetV2(1000), 3_538_984 - 34_112, 34_112},                  // Keras
		{EfficientNetLite0(1000), 4_652_008, 2 * 21_008},                 // the published checkpoint
		{ResNet10(6), 1_232_358 - 2_880, 2 * (3*32 + 3*64 + 3*128 + 3*256)},
	} {
		total, frozen, err := test.a.Parameters()
		if err != nil {
			t.Fatal(err)
		}
		if total-frozen != test.trained || frozen != test.frozen {
			t.Errorf("%s: %d trained, %d not; want %d and %d", test.a.Name, total-frozen, frozen, test.trained, test.frozen)
		}
	}
}

func BenchmarkStepResNet10(b *testing.B) { benchmarkStep(b, ResNet10(6), graph.Config{}) }

func BenchmarkStepResNet50(b *testing.B) { benchmarkStep(b, ResNet50(6), graph.Config{}) }

func BenchmarkStepVGG11(b *testing.B) { benchmarkStep(b, VGG11(6), graph.Config{}) }

// The study's ResNet50 is an edit: no padding before the first pooling, and
// at its end max pooling over 2x2 in place of the mean.
func TestResNet50OfTheStudy(t *testing.T) {
	a, err := ResNet50(6).Without("pad_pool1")
	if err != nil {
		t.Fatal(err)
	}
	a.Input = Shape{227, 227, 3}
	if a, err = a.Replace("gap", &MaxPool2D{Size: 2, Stride: 2, Padding: Valid}); err != nil {
		t.Fatal(err)
	}
	if a, err = a.InsertAfter("gap", Named{"flatten", &Flatten{}}); err != nil {
		t.Fatal(err)
	}
	rows, err := a.Summary()
	if err != nil {
		t.Fatal(err)
	}
	if flat := rows[len(rows)-2]; flat.Name != "flatten" || flat.Output[0] != 18_432 {
		t.Errorf("before the last layer lies %+v, want 18432 values", flat)
	}
	if total, _, err := a.Parameters(); err != nil || total != 23_698_310 {
		t.Errorf("%d parameters, %v; the study has 23,698,310", total, err)
	}
}

func TestFocus(t *testing.T) {
	known := map[string]string{
		"alexnet02": "conv5", "tiny": "conv5", "resnet10": "block4", "resnet18": "block4_2", "resnet50": "block4_3",
		"vgg11": "conv5_2", "vgg11_bn": "relu5_2", "vgg16": "conv5_3", "mobilenet_v2": "top_relu", "efficientnet_lite0": "top_relu",
	}
	forEachArchitecture(t, func(t *testing.T, a Architecture) {
		got := a.Focus()
		if want, ok := known[a.Name]; ok && got != want {
			t.Errorf("%s, want %s", got, want)
		}
		rows, err := a.Summary()
		if err != nil {
			t.Fatal(err)
		}
		if i := slices.IndexFunc(rows, func(r Row) bool { return r.Name == got }); i < 0 || len(rows[i].Output) != 3 {
			t.Errorf("%q is no layer whose output is a map: Grad-CAM has nothing to explain by default", got)
		}
	})
	if got := linear(2, 0).Focus(); got != "" {
		t.Errorf("of a network without a map it is %q", got)
	}
}

// VGG16 and ResNet50 are those of Keras Applications: with the same weights
// they give the same logits.
func TestApplicationsEqualKeras(t *testing.T) {
	if testing.Short() {
		t.Skip("160 million parameters")
	}
	const classes, n = 4, 2
	folder := t.TempDir()
	at := func(name string) string { return filepath.Join(folder, name) }
	in := Shape{64, 64, 3}
	logits := map[string][]float32{}
	images := toyImages(n, Architecture{Input: in})
	feed := graph.FromFloat32s(append(graph.Shape{n}, in...), images.Pixels)
	for _, a := range []Architecture{VGG16(classes), ResNet50(classes)} {
		a.Input = in
		if err := newTrainer(t, a, 1).SaveWeights(t.Context(), at(a.Name)); err != nil {
			t.Fatal(err)
		}
		network, err := Compile(a)
		if err != nil {
			t.Fatal(err)
		}
		session, err := network.Restore(t.Context(), at(a.Name), graph.Config{})
		if err != nil {
			t.Fatal(err)
		}
		out, err := session.Run(t.Context(), []graph.Feed{{To: network.Image, Value: feed}}, []graph.Tensor{network.Logits})
		session.Close()
		if err != nil {
			t.Fatal(err)
		}
		logits[a.Name] = out[0].Float32s()
	}
	for _, err := range []error{
		npy.Write(at("images.npy"), append([]int{n}, in...), images.Pixels),
		os.WriteFile(at("job.json"), fmt.Appendf(nil, `{"classes":%d}`, classes), 0o666),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	version := keras(t, "applications", folder)
	text, err := os.ReadFile(at("applications.json"))
	if err != nil {
		t.Fatal(err)
	}
	var table map[string]struct{ Parameters, Frozen int }
	if err := json.Unmarshal(text, &table); err != nil {
		t.Fatal(err)
	}
	for name, want := range table {
		a, err := Lookup(name, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if total, frozen, err := a.Parameters(); err != nil || total != want.Parameters || frozen != want.Frozen {
			t.Errorf("%s: %d parameters, %d not trained, %v; Keras's has %d and %d", name, total, frozen, err, want.Parameters, want.Frozen)
		}
		_, theirs, err := npy.Read(at(name + ".npy"))
		if err != nil {
			t.Fatal(err)
		}
		nearBy(t, agreement.Line{
			Group: agreement.Layer, Subject: "forward", Model: name, Oracle: version, Compared: "logits, 2 images of 64x64",
		}, logits[name], theirs)
	}
}
