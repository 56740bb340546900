package foreign

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// oscar.yaml says how images are fitted; a flag wins over it.
func TestAspectOfAModel(t *testing.T) {
	dir := t.TempDir()
	write := func(text string) {
		if err := os.WriteFile(filepath.Join(dir, sidecarFile), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	write("image: {aspect: letterbox, padding: 114}\n")
	base, _, err := ReadSidecar(dir)
	if err != nil || base.Image.Aspect != "letterbox" || base.Image.Padding != 114 {
		t.Fatalf("%+v, %v", base.Image, err)
	}
	if o := (Options{}).Over(base); o.Image.Padding != 114 || o.Check() != nil {
		t.Errorf("%+v", o.Image)
	}
	if o := (Options{Image: Image{Aspect: "crop"}}).Over(base); o.Image.Aspect != "crop" || o.Check() != nil {
		t.Errorf("%+v: %v", o.Image, o.Check())
	}
	for text, want := range map[string]string{
		"image: {aspect: pad}":                  `no aspect "pad"; have stretch, letterbox, crop`,
		"image: {padding: 3}":                   "padding is 3, which only the aspect letterbox has",
		"image: {aspect: crop, padding: 300}":   "padding is 300, want a gray from 0 to 255",
		"image: {interpolation: area}":          `no interpolation "area"`,
		"image: {aspect: crop, padding: false}": "image.padding is true or false, want a whole number",
		"image: {scal: 0..1}":                   `image has an unknown key "scal" (scale?); have height, width, scale,`,
		"explian: conv":                         `the file has an unknown key "explian" (explain?); have signature,`,
		"trust: true":                           `the file has an unknown key "trust"`,
		"tried: true":                           `the file has an unknown key "tried"`,
		"image: 0..1":                           "image is 0..1, want some of the keys height, width, scale,",
		"classes: cup":                          "classes is a string, want a list",
		"classes: [a]\nclasses: [b]":            `line 2: mapping key "classes" already defined at line 1`,
		"[conv]":                                "the file has no keys; want some of signature,",
		"image: {":                              "yaml: line 1: did not find expected",
	} {
		write(text)
		if _, _, err := ReadSidecar(dir); err == nil || !strings.Contains(err.Error(), want) || strings.ContainsAny(err.Error(), "\n\t") || strings.Contains(err.Error(), "foreign.") {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	for text, want := range map[string][]string{"classes: [7, yes, 1.5]": {"7", "yes", "1.5"}, "# none yet": nil, "": nil} {
		write(text)
		if o, _, err := ReadSidecar(dir); err != nil || !slices.Equal(o.Classes, want) {
			t.Errorf("%s: %q, %v", text, o.Classes, err)
		}
	}
}

// Only errors that another option resolves are known as such.
func TestNeedsOption(t *testing.T) {
	right := Options{Image: Image{Scale: "0..1"}}
	open := func() *pb.SavedModel {
		m := saved(ended(3, "Softmax", ""))
		in := m.MetaGraphs[0]
		in.GraphDef.Node[0].Attr["shape"] = shapeAttr(-1, -1, -1, 3)
		in.SignatureDef["serving_default"].Inputs["image"].TensorShape = shapeAttr(-1, -1, -1, 3).GetShape()
		return m
	}
	plain := func() *pb.SavedModel { return saved(ended(3, "Softmax", "")) }
	two := func() *pb.SavedModel {
		m := plain()
		outputs := m.MetaGraphs[0].SignatureDef["serving_default"].Outputs
		outputs["second"] = outputs["out"]
		return m
	}
	for name, test := range map[string]struct {
		model   *pb.SavedModel
		options func(*Options)
		want    bool
	}{
		"no scale":        {plain(), func(o *Options) { o.Image.Scale = "" }, true},
		"no size":         {open(), func(*Options) {}, true},
		"another size":    {plain(), func(o *Options) { o.Image.Height, o.Image.Width = 9, 9 }, true},
		"no output":       {two(), func(*Options) {}, true},
		"unknown output":  {two(), func(o *Options) { o.Output = "third" }, true},
		"signature":       {plain(), func(o *Options) { o.Signature = "other" }, true},
		"classes":         {plain(), func(o *Options) { o.Classes = []string{"a", "b"} }, true},
		"layer":           {plain(), func(o *Options) { o.Explain = "conv" }, true},
		"bytes":           {ofBytes(3, "float"), func(*Options) {}, true},
		"scale of gray":   {ofBytes(1, "float"), func(o *Options) { o.Image.Scale = "caffe" }, true},
		"damaged":         {&pb.SavedModel{}, func(*Options) {}, false},
		"one Softmax":     {saved(ended(1, "Softmax", "")), func(*Options) {}, false},
		"without a model": {nil, func(*Options) {}, false},
	} {
		o, dir := right, t.TempDir()
		test.options(&o)
		if test.model != nil {
			dir = write(t, test.model)
		}
		_, err := Adopt(t.Context(), dir, filepath.Join(t.TempDir(), "model"), o)
		if err == nil || NeedsOption(err) != test.want {
			t.Errorf("%s: needs an option: %v, want %v: %v", name, NeedsOption(err), test.want, err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Adopt(t.Context(), write(t, plain()), filepath.Join(file, "model"), right); err == nil || NeedsOption(err) {
		t.Errorf("a folder that cannot be made: needs an option: %v", err)
	}
}
