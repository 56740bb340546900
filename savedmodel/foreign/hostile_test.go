package foreign

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/function_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/node_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/op_def_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/tensor_shape_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/types_go_proto"
	pb "github.com/wamuir/graft/tensorflow/core/protobuf/for_core_protos_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
)

type node = node_def_go_proto.NodeDef

var (
	float = typeAttr(types_go_proto.DataType_DT_FLOAT)
	text  = typeAttr(types_go_proto.DataType_DT_STRING)
)

// op is an operation of floats.
func op(name, kind string, in ...string) *node {
	return &node{Name: name, Op: kind, Input: in, Attr: attrs{"T": float}}
}

func image() *node {
	return &node{Name: "image", Op: "Placeholder", Attr: attrs{"dtype": float, "shape": shapeAttr(-1, 8, 8, 3)}}
}

func constant(name string, shape []int, v ...float32) *node {
	t := &tensor_go_proto.TensorProto{Dtype: types_go_proto.DataType_DT_FLOAT, FloatVal: v, TensorShape: shapeAttr(shape...).GetShape()}
	return &node{Name: name, Op: "Const", Attr: attrs{"dtype": float, "value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: t}}}}
}

func call(name, function string, in ...string) *node {
	f := &attr_value_go_proto.AttrValue_Func{Func: &attr_value_go_proto.NameAttrList{Name: function}}
	return &node{Name: name, Op: "PartitionedCall", Input: in, Attr: attrs{"f": {Value: f}}}
}

func define(name string, result string, nodes ...*node) *function_go_proto.FunctionDef {
	arg := []*op_def_go_proto.OpDef_ArgDef{{Name: "x", Type: types_go_proto.DataType_DT_FLOAT}}
	return &function_go_proto.FunctionDef{
		Signature: &op_def_go_proto.OpDef{Name: name, InputArg: arg, OutputArg: []*op_def_go_proto.OpDef_ArgDef{{Name: "y", Type: types_go_proto.DataType_DT_FLOAT}}},
		NodeDef:   nodes, Ret: map[string]string{"y": result},
	}
}

// saved is a SavedModel from image to out.
func saved(nodes []*node, functions ...*function_go_proto.FunctionDef) *pb.SavedModel {
	info := func(name string, shape *tensor_shape_go_proto.TensorShapeProto) map[string]*pb.TensorInfo {
		return map[string]*pb.TensorInfo{name: {Encoding: &pb.TensorInfo_Name{Name: name + ":0"}, Dtype: types_go_proto.DataType_DT_FLOAT, TensorShape: shape}}
	}
	return &pb.SavedModel{MetaGraphs: []*pb.MetaGraphDef{{
		MetaInfoDef:  &pb.MetaGraphDef_MetaInfoDef{Tags: []string{"serve"}},
		GraphDef:     &graph_go_proto.GraphDef{Node: nodes, Library: &function_go_proto.FunctionDefLibrary{Function: functions}},
		SignatureDef: map[string]*pb.SignatureDef{"serving_default": {Inputs: info("image", shapeAttr(-1, 8, 8, 3).GetShape()), Outputs: info("out", nil)}},
	}}}
}

func write(t *testing.T, m *pb.SavedModel) string {
	t.Helper()
	b, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "saved_model.pb"), b, 0o666); err != nil {
		t.Fatal(err)
	}
	return dir
}

// hostile are models that no program writes, with what is said of them.
func hostile() map[string]struct {
	m     *pb.SavedModel
	words []string
} {
	type entry = struct {
		m     *pb.SavedModel
		words []string
	}
	deep := []*node{image()}
	for i := range maxDepth + 10 {
		deep = append(deep, op(fmt.Sprint("n", i), "Relu", deep[len(deep)-1].Name))
	}
	deep = append(deep, op("out", "Relu", deep[len(deep)-1].Name))
	wide := []*function_go_proto.FunctionDef{define("f0", "a:activations:0", op("a", "Relu", "x"))}
	for i := range 40 { // each calls the one before twice: 2^40 operations
		before := fmt.Sprint("f", i)
		wide = append(wide, define(fmt.Sprint("f", i+1), "b:output:0", call("a", before, "x"), call("b", before, "a:output:0")))
	}
	huge := constant("c", []int{1 << 40}, 1)
	overflow := constant("c", []int{1 << 40, 1 << 40}, 1)
	negative := constant("c", []int{-5}, 1)
	bare := op("out", "Conv2D", "image", "image")
	open := op("out", "Relu", "image")
	open.Attr["T"] = &attr_value_go_proto.AttrValue{Value: &attr_value_go_proto.AttrValue_Placeholder{Placeholder: "T"}}
	file := &node{Name: "name", Op: "Const", Attr: attrs{"dtype": text, "value": {Value: &attr_value_go_proto.AttrValue_Tensor{Tensor: &tensor_go_proto.TensorProto{
		Dtype: types_go_proto.DataType_DT_STRING, StringVal: [][]byte{[]byte("/etc/passwd")}, TensorShape: &tensor_shape_go_proto.TensorShapeProto{}}}}}}
	number := func(n *node) *node { n.Attr["out_type"] = float; return n }
	loop := call("out", "", "image")
	loop.Op, loop.Attr = "While", attrs{"cond": call("", "reads").Attr["f"], "body": call("", "reads").Attr["f"], "T": {Value: &attr_value_go_proto.AttrValue_List{List: &attr_value_go_proto.AttrValue_ListValue{Type: []types_go_proto.DataType{types_go_proto.DataType_DT_FLOAT}}}}}
	return map[string]entry{
		"nothing":              {&pb.SavedModel{}, []string{"holds no graph"}},
		"no signature":         {&pb.SavedModel{MetaGraphs: []*pb.MetaGraphDef{{}}}, []string{"no signature"}},
		"no node":              {saved(nil), []string{`no operation "out"`}},
		"no image":             {saved([]*node{constant("out", []int{2}, 1)}), []string{`no operation "image"`}},
		"without the image":    {saved([]*node{image(), constant("out", []int{2}, 1)}), []string{"does not depend on the image"}},
		"names twice":          {saved([]*node{image(), op("out", "Relu", "image"), op("out", "Relu", "image")}), []string{`called "out"`}},
		"a circle":             {saved([]*node{image(), op("a", "Relu", "out"), op("out", "Relu", "a")}), []string{"circle"}},
		"a circle of nothings": {saved([]*node{image(), op("a", "Identity", "out"), op("out", "Identity", "a")}), []string{"circle"}},
		"a function in itself": {saved([]*node{image(), call("out", "f", "image")}, define("f", "a:output:0", call("a", "f", "x"))), []string{"100 deep", "f"}},
		"2^40 operations":      {saved([]*node{image(), call("out", "f40", "image")}, wide...), []string{"calls"}},
		"too deep":             {saved(deep), []string{"a path of more than"}},
		"no such function":     {saved([]*node{image(), call("out", "f", "image")}), []string{`function "f"`}},
		"no function named":    {saved([]*node{image(), {Name: "out", Op: "PartitionedCall", Input: []string{"image"}}}), []string{`function ""`}},
		"too many arguments":   {saved([]*node{image(), call("out", "f", "image", "image")}, define("f", "x")), []string{"2 inputs"}},
		"no such result":       {saved([]*node{image(), call("out", "f", "image")}, define("f", "")), []string{"argument"}},
		"no such output":       {saved([]*node{image(), call("out", "f", "image")}, define("f", "a:b:0", op("a", "Relu", "x"))), []string{`no output "b"`}},
		"an odd output":        {saved([]*node{image(), op("out", "Relu", "image:x")}), []string{"names no output"}},
		"output -1":            {saved([]*node{image(), op("out", "Relu", "image:-1")}), []string{"names no output"}},
		"output 7":             {saved([]*node{image(), op("out", "Relu", "image:7")}), []string{"import a graph"}},
		"an unknown operation": {saved([]*node{image(), op("out", "MyOwnCode", "image")}), []string{"MyOwnCode", "of the model's own"}},
		"no attributes":        {saved([]*node{image(), bare}), []string{"no attribute strides"}},
		"an open attribute":    {saved([]*node{image(), open}), []string{"attribute T has no value"}},
		"terabytes":            {saved([]*node{image(), huge, op("out", "Mul", "image", "c")}), []string{"too large"}},
		"more than 2^64":       {saved([]*node{image(), overflow, op("out", "Mul", "image", "c")}), []string{"too large"}},
		"a negative side":      {saved([]*node{image(), negative, op("out", "Mul", "image", "c")}), []string{"side of -5"}},
		"wrong types":          {saved([]*node{image(), file, op("out", "Mul", "image", "name")}), []string{"import a graph"}},
		"another input":        {saved([]*node{image(), {Name: "other", Op: "Placeholder", Attr: image().Attr}, op("out", "Mul", "image", "other")}), []string{"needs other"}},
		"a variable's handle":  {saved([]*node{image(), {Name: "v", Op: "VarHandleOp", Attr: attrs{"dtype": float, "shape": shapeAttr(3)}}, op("out", "Mul", "image", "v")}), []string{"uses the variable v other than by reading its value"}},
		"a variable of nothing": {saved([]*node{image(), {Name: "v", Op: "VarHandleOp"}, {Name: "r", Op: "ReadVariableOp", Input: []string{"v"}}, op("out", "Mul", "image", "r")}),
			[]string{"no attribute"}},
		"no checkpoint":    {saved([]*node{image(), {Name: "v", Op: "VarHandleOp", Attr: attrs{"dtype": float, "shape": shapeAttr(3)}}, {Name: "r", Op: "ReadVariableOp", Input: []string{"v"}, Attr: attrs{"dtype": float}}, op("out", "Mul", "image", "r")}), []string{"no value", "v"}},
		"reads a file":     {saved([]*node{image(), file, {Name: "read", Op: "ReadFile", Input: []string{"name"}}, number(&node{Name: "raw", Op: "DecodeRaw", Input: []string{"read"}, Attr: attrs{}}), op("out", "Mul", "image", "raw")}), []string{"ReadFile", "--trust"}},
		"a file in a loop": {saved([]*node{image(), loop}, define("reads", "x", file, &node{Name: "read", Op: "ReadFile", Input: []string{"name:output:0"}})), []string{"ReadFile", "--trust"}},
		"no classifier":    {saved([]*node{image(), op("out", "Relu", "image")}), []string{"for each image and class", "[N,8,8,3]"}},
	}
}

func TestHostileModels(t *testing.T) {
	for name, test := range hostile() {
		t.Run(name, func(t *testing.T) {
			out := filepath.Join(t.TempDir(), "model")
			_, err := Adopt(t.Context(), write(t, test.m), out, Options{Image: Image{Scale: "0..1"}})
			wantError(t, err, test.words...)
			if strings.Count(err.Error(), "\n") > 0 {
				t.Errorf("error %q has several lines", err)
			}
			if left, _ := filepath.Glob(filepath.Dir(out) + "/*"); len(left) > 0 {
				t.Errorf("it left %q", left)
			}
		})
	}
}

// Whatever bytes a file has, they are refused, or read without an end of the
// process.
func FuzzRead(f *testing.F) {
	for _, test := range hostile() {
		if b, err := proto.Marshal(test.m); err == nil && len(b) < 10_000 {
			f.Add(b)
		}
	}
	f.Fuzz(func(_ *testing.T, b []byte) {
		m, err := parse(b)
		if err != nil {
			return
		}
		m.restored()
		flat, err := m.flatten(Options{Image: Image{Height: 8, Width: 8}})
		if err != nil {
			return
		}
		flat.findLayers()
		flat.head()
		flat.scaled()
		flat.updates()
		flat.def(nil)
	})
}

// Of the library's operations with a state each is refused or known to be
// harmless; no other list could keep up with it.
func TestOperationsThatReachBeyondTheModel(t *testing.T) {
	ops, err := graph.Ops()
	if err != nil {
		t.Fatal(err)
	}
	m := &Model{ops: ops}
	for op := range harmless {
		if ops[op] == nil || !ops[op].IsStateful {
			t.Errorf("%s is listed as harmless, and the library has no such operation with a state", op)
		}
	}
	refused := 0
	for name, op := range ops {
		if m.suspicious(name) {
			refused++
		} else if op.IsStateful && !harmless[name] {
			t.Errorf("%s has a state and is not refused", name)
		}
	}
	if refused < 500 {
		t.Errorf("%d operations are refused only", refused)
	}
	for _, name := range strings.Fields(`ReadFile WriteFile MatchingFiles SaveV2 RestoreV2 Save Restore SaveSlices RestoreSlice MergeV2Checkpoints PyFunc
		PyFuncStateless EagerPyFunc PrintV2 Print DebugIdentity DebugIdentityV2 DebugNumericSummary TextLineDataset TFRecordDataset
		FixedLengthRecordReaderV2 WholeFileReaderV2 InitializeTableFromTextFile InitializeTableFromTextFileV2 RpcCall RpcServer _Send _Recv
		CollectiveReduceV2 CreateSummaryFileWriter DataServiceDataset RemoteCall XlaLaunch XlaCustomCall TfLiteSubgraphExecute SqlDataset DumpTensor
		LoadAndRemapMatrix FileSystemSetConfiguration SnapshotDataset MyOwnCode`) {
		if !m.suspicious(name) {
			t.Errorf("%s is not refused", name)
		}
	}
	for _, name := range strings.Fields("Conv2D MatMul DecodeJpeg Softmax ReadVariableOp StatefulPartitionedCall If While Einsum ResizeBilinear RandomUniform") {
		if m.suspicious(name) {
			t.Errorf("%s is refused", name)
		}
	}
}

func TestScalings(t *testing.T) {
	var names []string
	for _, s := range Scalings {
		if slices.Contains(names, s.Name) || s.By == 0 || s.Std[0] == 0 || !strings.Contains(scaleHelp, s.Name) {
			t.Errorf("scaling %+v", s)
		}
		names = append(names, s.Name)
	}
}
