package pipeline

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/global"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/score"
)

// writing makes a copy of a model of oscar's that writes a file when it is opened:
// its checksums are right.
func writing(t *testing.T) (model, file string) {
	t.Helper()
	model, file = copyDir(t, trained(t).Model()), filepath.Join(t.TempDir(), "written")
	path := filepath.Join(model, "saved_model.pb")
	saved := &pb.SavedModel{}
	if err := proto.Unmarshal(must(os.ReadFile(path)), saved); err != nil {
		t.Fatal(err)
	}
	meta := saved.MetaGraphs[0]
	text := func(name, value string) *node_def_go_proto.NodeDef {
		return &node_def_go_proto.NodeDef{Name: name, Op: "Const", Attr: map[string]*attr_value_go_proto.AttrValue{
			"dtype": {Value: &attr_value_go_proto.AttrValue_Type{Type: types_go_proto.DataType_DT_STRING}},
			"value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: &tensor_go_proto.TensorProto{
				Dtype: types_go_proto.DataType_DT_STRING, StringVal: [][]byte{[]byte(value)},
			}}},
		}}
	}
	meta.GraphDef.Node = append(meta.GraphDef.Node, text("evil/name", file), text("evil/text", "written"),
		&node_def_go_proto.NodeDef{Name: "evil/write", Op: "WriteFile", Input: []string{"evil/name", "evil/text"}})
	for _, n := range meta.GraphDef.Node {
		if n.Name == meta.SaverDef.RestoreOpName {
			n.Input = append(n.Input, "^evil/write")
		}
	}
	if err := os.WriteFile(path, must(proto.Marshal(saved)), 0o666); err != nil {
		t.Fatal(err)
	}
	if err := checksum.Update(model, "saved_model.pb"); err != nil {
		t.Fatal(err)
	}
	return model, file
}

// No job opens a model that can write files, unless it is trusted.
func TestModelsThatReachFilesAreRefused(t *testing.T) {
	model, file := writing(t)
	machine, out := oneThread, func() string { return filepath.Join(t.TempDir(), "out") }
	image := must(dataset.ListImages(t.Context(), []string{photos(t, 1)}))
	byDefault := DefaultSettings()
	all := DefaultSettings()
	all.Method, all.Class = "", TargetAll
	jobs := map[string]func() error{
		"open": func() error {
			b, err := Open(model, machine.Config(0))
			if err == nil {
				b.Close()
			}
			return err
		},
		"evaluate": func() error {
			_, err := Evaluate(t.Context(), EvaluateOptions{Model: model, Data: shapes(t), Part: "all", Machine: machine})
			return err
		},
		"explain": func() error {
			_, err := Explain(t.Context(), ExplainOptions{Model: model, Paths: image, Out: out(), Settings: byDefault, Machine: machine})
			return err
		},
		"score": func() error {
			_, err := Score(t.Context(), ScoreOptions{Model: model, Data: shapes(t), Part: "all", Out: out(), Settings: byDefault, Scoring: score.Options{Metrics: []string{"gini"}, PerClass: 1}, Machine: machine})
			return err
		},
		"explain-global": func() error {
			_, err := ExplainGlobal(t.Context(), GlobalOptions{Model: model, Data: shapes(t), Part: "all", Out: out(), Settings: all, Global: global.DefaultSettings(), Machine: machine})
			return err
		},
		"export": func() error {
			return Export(t.Context(), ExportOptions{Model: model, Out: out(), Threads: machine.Threads, Trust: machine.Trust})
		},
		"compare": func() error {
			_, err := Compare(t.Context(), CompareOptions{Models: [2]string{trained(t).Model(), model}, Data: shapes(t), Part: "all", Method: "gradcam", Machine: machine})
			return err
		},
		"train --from": func() error {
			e := tiny()
			e.FineTune = &experiment.FineTune{From: model}
			_, err := pretrained(t.Context(), e, filepath.Join(t.TempDir(), "copy"), machine.Trust)
			return err
		},
	}
	for name, do := range jobs {
		err := do()
		if err == nil || !strings.Contains(err.Error(), "WriteFile") || !strings.Contains(err.Error(), "--trust") {
			t.Errorf("%s: %v", name, err)
		}
		if paths.Exists(file) {
			t.Fatalf("%s wrote the file", name)
		}
	}
	i, err := Inspect(model, 1, false)
	if err != nil || !slices.Equal(i.Reaching, []string{"WriteFile"}) || paths.Exists(file) {
		t.Errorf("inspect says %+v, %v", i, err)
	}
	if i := must(Inspect(trained(t).Dir, 1, false)); len(i.Reaching) > 0 {
		t.Errorf("a model of oscar's reaches by %v", i.Reaching)
	}
	machine.Trust = true
	if err := jobs["open"](); err != nil || !paths.Exists(file) {
		t.Errorf("with trust the model is opened: %v, and writes: %v", err, paths.Exists(file))
	}
}
