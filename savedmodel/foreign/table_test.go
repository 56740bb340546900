package foreign

import (
	"path/filepath"
	"strings"
	"testing"

	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
)

// Variables that are not trained: those that a program records so, moving averages by their names,
// and what batch normalization reads as one, whatever its name.
func TestUntrained(t *testing.T) {
	want := map[string]bool{
		"conv/kernel": false, "conv/kernel_1": false, "bn/gamma": false, "bn/moving_mean": true, "bn/moving_variance_1": true,
		"norm/mean": true, "norm/variance": true, "table": true, "table_1": true, "Variable_6": false, "Variable_7": true, "Variable_8": true,
	}
	a := &adoption{flat: &flat{flattener: &flattener{Model: &Model{meta: &pb.MetaGraphDef{ObjectGraphDef: &pb.SavedObjectGraph{}}}}}}
	record := func(name string, trained bool) {
		v := &pb.SavedObject_Variable{Variable: &pb.SavedVariable{Name: name, Trainable: trained}}
		a.meta.ObjectGraphDef.Nodes = append(a.meta.ObjectGraphDef.Nodes, &pb.SavedObject{Kind: v})
	}
	record("conv/kernel", true)
	record("bn/moving_mean", false)
	record("table", false)
	for name := range want {
		a.variables = append(a.variables, &variable{name: name})
	}
	a.flat.nodes = []*node{op("bn", "FusedBatchNormV3", "conv", "Variable_5", "Variable_6", "Variable_7", "Variable_8")}
	got := a.untrained()
	for name, untrained := range want {
		if got[name] != untrained {
			t.Errorf("%s: not trained: %v, want %v", name, got[name], untrained)
		}
	}
}

// The record says how the input scale is known.
func TestScaleOrigin(t *testing.T) {
	for _, test := range []struct {
		options Options
		want    string
	}{
		{Options{Image: Image{Scale: "0..1"}}, "it was given"},
		{Options{Image: Image{Scale: "0..1"}, Tried: true}, "best accuracy on labeled images"},
	} {
		a, err := Adopt(t.Context(), write(t, saved(ended(3, "", ""))), filepath.Join(t.TempDir(), "model"), test.options)
		if err != nil {
			t.Fatal(err)
		}
		if got := a.Metadata.Origin.Scaled; !strings.Contains(got, test.want) {
			t.Errorf("%+v: %q, want %q", test.options, got, test.want)
		}
	}
}
