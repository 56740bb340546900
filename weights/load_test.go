package weights

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"oscar/internal/agreement"
	"oscar/internal/npy"
	"oscar/savedmodel"
	"oscar/tfmodel"
)

// named returns the architecture of a scheme, small.
func named(t *testing.T, s scheme, classes int) tfmodel.Architecture {
	t.Helper()
	a, err := tfmodel.Lookup(s.architecture, classes)
	if err != nil {
		t.Fatal(err)
	}
	a.Input = tfmodel.Shape{64, 64, 3}
	if s.prepare != nil {
		if a, err = s.prepare(a); err != nil {
			t.Fatal(err)
		}
	}
	return a
}

// Every variable of an architecture has a name of its own in every program's table.
func TestTablesNameEveryVariable(t *testing.T) {
	for _, s := range schemes {
		variables, err := named(t, s, 3).Variables()
		if err != nil {
			t.Fatal(err)
		}
		seen := map[string]string{}
		for _, v := range variables {
			p := s.parameter(v)
			if len(p.names) == 0 {
				t.Errorf("%s of %s: %s has no name", s.architecture, s.program, v.Name)
				continue
			}
			if other, ok := seen[p.names[0]]; ok {
				t.Errorf("%s of %s: %s and %s are both %s", s.architecture, s.program, other, v.Name, p.names[0])
			}
			seen[p.names[0]] = v.Name
		}
	}
}

// write writes tensors of float32 as safetensors.
func write(t *testing.T, shapes map[string][]int, values map[string][]float32) string {
	t.Helper()
	header := map[string]safetensor{}
	var data []byte
	for name, v := range values {
		begin := int64(len(data))
		for _, x := range v {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(x))
		}
		header[name] = safetensor{"F32", shapes[name], [2]int64{begin, int64(len(data))}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return file(t, string(text), data)
}

// The tensors of PyTorch lie otherwise: by hand, index by index.
func TestTorchKernels(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var torch scheme
	for _, s := range schemes {
		if s.program == "torchvision" && s.architecture == "mobilenet_v2" {
			torch = s
		}
	}
	a := named(t, torch, 3)
	variables, err := a.Variables()
	if err != nil {
		t.Fatal(err)
	}
	shapes, values, want := map[string][]int{}, map[string][]float32{}, map[string][]float32{}
	for _, v := range variables {
		own := make([]float32, v.Shape.Elements())
		for i := range own {
			own[i] = r.Float32()
		}
		want[v.Name] = own
		name, s := torch.parameter(v).names[0], v.Shape
		shapes[name], values[name] = s, own
		if v.Role != "kernel" {
			continue
		}
		theirs := make([]float32, len(own))
		switch v.Kind {
		case "dense": // [out,in]
			shapes[name] = []int{s[1], s[0]}
			for i := range s[0] {
				for o := range s[1] {
					theirs[o*s[0]+i] = own[i*s[1]+o]
				}
			}
		case "conv2d", "depthwise_conv2d": // [out,in,h,w], and [channels,1,h,w]
			outer, inner := s[3], s[2]
			if v.Kind == "depthwise_conv2d" {
				outer, inner = s[2], s[3]
			}
			shapes[name] = []int{outer, inner, s[0], s[1]}
			for y := range s[0] {
				for x := range s[1] {
					for o := range outer {
						for i := range inner {
							at := ((y*s[1]+x)*inner+i)*outer + o
							theirs[((o*inner+i)*s[0]+y)*s[1]+x] = own[at]
						}
					}
				}
			}
		}
		values[name] = theirs
	}
	shapes["features.0.1.num_batches_tracked"], values["features.0.1.num_batches_tracked"] = []int{1}, []float32{7}
	path := write(t, shapes, values)
	open := func() *File {
		f, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	loaded, err := open().Load(t.Context(), a, true)
	if err != nil {
		t.Fatal(err)
	}
	if len(loaded.Unused) > 0 || loaded.Program != "torchvision" {
		t.Errorf("unused %v, of %s", loaded.Unused, loaded.Program)
	}
	for name, v := range want {
		if !slices.Equal(loaded.Values[name], v) {
			t.Errorf("%s is not the one that was written", name)
		}
	}

	// With a new head for other classes its own is left over; what has no tensor, or one of
	// another shape, is an error by name.
	other := named(t, torch, 4)
	loaded, err = open().Load(t.Context(), other, false)
	if err != nil || !slices.Equal(loaded.Head, []string{"classifier.1.weight", "classifier.1.bias"}) || loaded.Values["fc/bias"] != nil {
		t.Errorf("with a new head: %v, %v", loaded, err)
	}
	_, err = open().Load(t.Context(), other, true)
	wantError(t, err, "classifier.1.weight is [3,1280]", "fc/kernel takes [1280,4]")
	shapes["more"], values["more"] = []int{1}, []float32{7}
	path = write(t, shapes, values)
	if loaded, err = open().Load(t.Context(), a, true); err != nil || !slices.Equal(loaded.Unused, []string{"more"}) {
		t.Errorf("unused %v, %v; want more", loaded.Unused, err)
	}
	if notes := loaded.Notes(); len(notes) != 1 || !strings.Contains(notes[0], "1 tensor that no layer takes: more") {
		t.Errorf("notes are %q", notes)
	}
	values["features.2.conv.0.1.running_var"][3] = float32(math.NaN())
	path = write(t, shapes, values)
	_, err = open().Load(t.Context(), a, true)
	wantError(t, err, "features.2.conv.0.1.running_var", "not finite")
	delete(values, "features.2.conv.0.1.running_var")
	path = write(t, shapes, values)
	_, err = open().Load(t.Context(), a, true)
	wantError(t, err, "1 variable without a tensor", "block1_expand_bn/moving_variance (features.2.conv.0.1.running_var)")
	vgg, err := tfmodel.Lookup("vgg16", 2)
	if err != nil {
		t.Fatal(err)
	}
	_, err = open().Prepare(vgg)
	wantError(t, err, "none of its tensors", "vgg16", "oscar, Keras Applications")
}

// What was saved by oscar is read under its own names, also from a checkpoint's files.
func TestOwnWeights(t *testing.T) {
	a := tfmodel.Tiny(3)
	variables, err := a.Variables()
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	saved := &Loaded{Architecture: a, Values: map[string][]float32{}}
	for _, v := range variables {
		saved.Values[v.Name] = make([]float32, v.Shape.Elements())
		for i := range saved.Values[v.Name] {
			saved.Values[v.Name][i] = r.Float32()
		}
	}
	prefix := filepath.Join(t.TempDir(), "weights")
	if err := saved.Write(t.Context(), prefix); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{prefix, prefix + ".index"} {
		f, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		loaded, err := f.Load(t.Context(), a, true)
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range saved.Values {
			if !slices.Equal(loaded.Values[name], want) {
				t.Errorf("%s is not the one that was written", name)
			}
		}
	}
	list, err := savedmodel.ReadIndex(prefix)
	if err != nil || len(list) != len(variables) || !list[0].Float {
		t.Errorf("the index lists %v, %v", list, err)
	}
	data := prefix + ".data-00000-of-00001"
	b, err := os.ReadFile(data)
	if err != nil {
		t.Fatal(err)
	}
	b[9] ^= 1
	if err := os.WriteFile(data, b, 0o666); err != nil {
		t.Fatal(err)
	}
	f, err := Open(t.Context(), prefix)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.Load(t.Context(), a, true)
	wantError(t, err, prefix)
	if err := os.Truncate(data, 100); err != nil {
		t.Fatal(err)
	}
	_, err = Open(t.Context(), prefix)
	wantError(t, err, "more than the file holds")
}

// EfficientNet-Lite0 with the published weights answers as the Keras model that
// scripts/fetch-weights makes of them. OSCAR_EFFICIENTNET_LITE0 is the folder that it prints;
// next to it are the file of weights and, of testdata/efficientnet.py, images and answers.
func TestEfficientNetLite0(t *testing.T) {
	model := os.Getenv("OSCAR_EFFICIENTNET_LITE0")
	if model == "" {
		t.Skip("OSCAR_EFFICIENTNET_LITE0 names no folder of scripts/fetch-weights")
	}
	shape, images, err := npy.Read(model + ".images.npy")
	if err != nil {
		t.Fatal(err)
	}
	_, want, err := npy.Read(model + ".answers.npy")
	if err != nil {
		t.Fatal(err)
	}
	got := answers(t, model+".safetensors", "efficientnet_lite0", shape, images, 1000, "efficientnet-pytorch")
	for row := 0; row < len(got); row += 1000 { // the model gives probabilities: logits but for a constant
		mean := float32(0)
		for _, v := range got[row : row+1000] {
			mean += v / 1000
		}
		for i := range got[row : row+1000] {
			got[row+i] -= mean
		}
	}
	if apart := agreement.Apart(got, want); apart > 1e-5 {
		t.Errorf("apart from Keras by %g of the largest", apart)
	} else {
		t.Logf("apart from Keras by %g of the largest", apart)
	}
}
