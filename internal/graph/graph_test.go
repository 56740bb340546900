package graph

import (
	"context"
	"errors"
	"strings"
	"testing"

	tf "github.com/wamuir/graft/tensorflow"
	"github.com/wamuir/graft/tensorflow/core/framework/attr_value_go_proto"
	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"
)

// mustHold ends the test if the graph could not be built.
func mustHold(t *testing.T, g *Graph) {
	t.Helper()
	if err := g.Err(); err != nil {
		t.Fatal(err)
	}
}

// wantError checks that an error names all of words, on one line.
func wantError(t *testing.T, err error, words ...string) {
	t.Helper()
	if err == nil {
		t.Errorf("no error; want one that names %q", words)
		return
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q does not say %q", err, w)
		}
	}
	if strings.Contains(err.Error(), "\n") {
		t.Errorf("error is of several lines:\n%v", err)
	}
}

func TestNamesAreUniqueWithinTheirScope(t *testing.T) {
	g := New()
	x := g.Placeholder("x", Float, Shape{-1, 2})
	conv := g.In("infer").In("conv1")
	for _, test := range []struct {
		made Tensor
		want string
	}{
		{x, "x:0"},
		{g.Relu(x), "Relu:0"},
		{g.Relu(x), "Relu_1:0"},
		{conv.Relu(x), "infer/conv1/Relu:0"},
		{conv.Relu(x), "infer/conv1/Relu_1:0"},
		{g.In("infer/conv1").Relu(x), "infer/conv1/Relu_2:0"}, // the same scope, met again
		{g.Identity("x", x), "x_1:0"},
		{g.Identity("x_1", x), "x_1_1:0"}, // taken by the line before
		{g.Identity("x", x), "x_2:0"},
		{g.Identity("y_1", x), "y_1:0"},
		{g.Identity("y", x), "y:0"},
		{g.Identity("y", x), "y_2:0"}, // y_1 was asked for by name
	} {
		if got := test.made.Name(); got != test.want {
			t.Errorf("got %s, want %s", got, test.want)
		}
	}
	mustHold(t, g)
}

// A graph that is taken over, as from a SavedModel, must not meet its own
// names again.
func TestNamesOfALoadedGraphAreTaken(t *testing.T) {
	first := New()
	x := first.Placeholder("x", Float, Shape{2})
	y := first.In("cam").Square(x)
	first.In("cam").Grad(y, x)
	mustHold(t, first)
	def, err := first.Def()
	if err != nil {
		t.Fatal(err)
	}
	loaded := tf.NewGraph()
	if err := loaded.Import(def, ""); err != nil {
		t.Fatal(err)
	}

	g := wrap(loaded)
	x, err = g.Tensor("x")
	if err != nil {
		t.Fatal(err)
	}
	if got := g.Placeholder("x", Float, Shape{2}).Name(); got != "x_1:0" {
		t.Errorf("a second x is called %s", got)
	}
	z := g.In("cam").Square(x)
	if got := z.Name(); got != "cam/Square_1:0" {
		t.Errorf("a second cam/Square is called %s", got)
	}
	g.In("cam").Grad(z, x) // cam/gradients is taken, too
	mustHold(t, g)
}

func TestTensorByName(t *testing.T) {
	g := New()
	x := g.Placeholder("x", Float, Shape{-1, 4, 4, 3})
	g.In("conv1").Relu(x)
	for _, name := range []string{"x", "x:0", "conv1/Relu", "conv1/Relu:0"} {
		got, err := g.Tensor(name)
		if err != nil || !strings.HasPrefix(got.Name(), name) {
			t.Errorf("Tensor(%q) = %s, %v", name, got.Name(), err)
		}
	}
	for _, name := range []string{"", "nothing", "x:1", "x:-1", "x:first", "conv1"} {
		if _, err := g.Tensor(name); err == nil {
			t.Errorf("Tensor(%q) gives no error", name)
		}
	}
	if n := g.Operations()["Relu"]; n != 1 {
		t.Errorf("%d Relu operations, want 1", n)
	}
}

func TestFirstErrorSticksAndNamesItsLayer(t *testing.T) {
	g := New()
	x := g.Placeholder("x", Float, Shape{-1, 2})
	bad := g.In("infer").In("fc1").MatMul(x, g.Placeholder("w", Float, Shape{3, 4}))
	if bad.Valid() || bad.Name() != "" || bad.Shape() != nil || bad.DType() != 0 {
		t.Errorf("the tensor of a failed operation is %q %v", bad.Name(), bad.Shape())
	}
	wantError(t, g.Err(), "infer/fc1: ", "Dimensions must be equal", "2 and 3")
	first := g.Err()

	// What follows is safe, adds nothing and does not hide the first error.
	before := len(g.g.Operations())
	later := g.In("fc2").Relu(bad)
	g.Grad(later, x)
	g.Fail(errors.New("another"))
	if later.Valid() || g.Err() != first || len(g.g.Operations()) != before {
		t.Errorf("after an error: tensor %q, error %v, %d operations (%d before)", later.Name(), g.Err(), len(g.g.Operations()), before)
	}
	if _, err := g.Def(); err != first {
		t.Errorf("Def: %v", err)
	}
	if _, err := g.NewSession(Config{}); err != first {
		t.Errorf("NewSession: %v", err)
	}
	// Every scope sees it.
	if New().Err() != nil || g.In("elsewhere").Err() != first {
		t.Error("the error is not the whole graph's, or not this graph's alone")
	}
}

func TestInputsThatAreNoTensors(t *testing.T) {
	for name, use := range map[string]func(g *Graph, x Tensor){
		"alone":      func(g *Graph, x Tensor) { g.Add(x, Tensor{}) },
		"in a list":  func(g *Graph, x Tensor) { g.SaveV2(g.Const(FromString("p")), []string{"v"}, []Tensor{{}}) },
		"gradient y": func(g *Graph, x Tensor) { g.Grad(Tensor{}, x) },
		"gradient x": func(g *Graph, x Tensor) { g.Grad(x, Tensor{}) },
	} {
		t.Run(name, func(t *testing.T) {
			g := New()
			use(g.In("layer"), g.Placeholder("x", Float, Shape{2}))
			wantError(t, g.Err(), "layer: ", "not a tensor")
		})
	}
}

func TestGrad(t *testing.T) {
	g := New()
	x := g.Placeholder("x", Float, Shape{2})
	w := g.Placeholder("w", Float, Shape{2})
	y := g.In("layer").Mul(g.Square(x), w)
	first := g.In("layer").Grad(y, x, w)
	again := g.In("layer").Grad(y, x) // a second time in one scope
	mustHold(t, g)
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	out, err := s.Run(context.Background(),
		[]Feed{{x, FromFloat32s(Shape{2}, []float32{2, -3})}, {w, FromFloat32s(Shape{2}, []float32{5, 7})}},
		append(first, again...))
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]float32{{20, -42}, {4, 9}, {20, -42}} { // 2xw, x^2, 2xw
		if got := out[i].Float32s(); got[0] != want[0] || got[1] != want[1] {
			t.Errorf("gradient %d is %v, want %v", i, got, want)
		}
	}
}

func TestGradThatIsMissingIsAnErrorNotAPanic(t *testing.T) {
	for name, test := range map[string]struct {
		build func(g *Graph, x Tensor) (y Tensor)
		words []string
	}{
		"x does not reach y": {
			func(g *Graph, x Tensor) Tensor { return g.Square(g.Placeholder("other", Float, Shape{2})) },
			[]string{"layer: ", "gradient of layer/Square:0"},
		},
		"x reaches y through nothing that has a gradient": {
			func(g *Graph, x Tensor) Tensor { return g.OneHot(g.ArgMax(x, 0), 2) },
			[]string{"layer: ", "x:0 has no influence"},
		},
		"an operation has none registered": {
			func(g *Graph, x Tensor) Tensor {
				return g.one("SparseSoftmaxCrossEntropyWithLogits", nil, g.Reshape(x, Shape{1, 2}), g.Ints(0))
			},
			[]string{"layer: ", "No gradient defined for op: SparseSoftmaxCrossEntropyWithLogits"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := New()
			x := g.Placeholder("x", Float, Shape{2})
			in := g.In("layer")
			y := test.build(in, x)
			mustHold(t, g)
			for _, dx := range in.Grad(y, x) {
				if dx.Valid() {
					t.Errorf("there is a gradient: %s", dx.Name())
				}
			}
			wantError(t, g.Err(), test.words...)
		})
	}
}

func TestVariableCarriesItsNameIntoTheRuntime(t *testing.T) {
	ctx := context.Background()
	g := New()
	made := g.In("train").Variable("conv1/kernel", Shape{2}, true, func(g *Graph) Tensor { return g.Fill(Shape{2}, 3) })
	mustHold(t, g)
	if made.Handle.Name() != "conv1/kernel:0" { // whatever the scope
		t.Errorf("its handle is %s", made.Handle.Name())
	}
	if got := attribute(t, g, "conv1/kernel", "shared_name").GetS(); string(got) != "conv1/kernel" { // what converters go by
		t.Errorf("its shared_name is %q", got)
	}
	s, err := g.NewSession(Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Run(ctx, nil, []Tensor{made.Value})
	wantError(t, err, "conv1/kernel") // not yet initialized
	if _, err := s.Run(ctx, nil, nil, made.Init); err != nil {
		t.Fatal(err)
	}
	less := g.AssignSub(made.Handle, g.Fill(Shape{2}, 1))
	if _, err := s.Run(ctx, nil, nil, less); err != nil {
		t.Fatal(err)
	}
	out, err := s.Run(ctx, nil, []Tensor{made.Value})
	if err != nil || out[0].Float32s()[1] != 2 {
		t.Errorf("3 - 1 is %v, %v", out, err)
	}
}

// attribute returns an attribute of an operation as the GraphDef has it.
func attribute(t *testing.T, g *Graph, operation, name string) *attr_value_go_proto.AttrValue {
	t.Helper()
	b, err := g.Def()
	if err != nil {
		t.Fatal(err)
	}
	def := &graph_go_proto.GraphDef{}
	if err := proto.Unmarshal(b, def); err != nil {
		t.Fatal(err)
	}
	for _, node := range def.Node {
		if node.Name == operation {
			return node.Attr[name]
		}
	}
	t.Fatalf("no operation %q", operation)
	return nil
}
