package savedmodel

import (
	"slices"
	"strings"
	"testing"

	"github.com/wamuir/graft/tensorflow/core/framework/graph_go_proto"
	"google.golang.org/protobuf/proto"

	"oscar/internal/graph"
)

// OpenVINO reads the names of variables from string_val alone.
func TestStringsAreSpelledOut(t *testing.T) {
	want := []string{"conv1/kernel", "", strings.Repeat("long", 40), "ü"} // 160 bytes: a length of two bytes
	g := graph.New()
	g.Const(graph.FromStrings(want))
	g.Const(graph.FromStrings(want[:1]))
	g.Const(graph.FromInt32s(graph.Shape{2}, []int32{1, 2}))
	var def graph_go_proto.GraphDef
	b, err := g.Def()
	if err != nil {
		t.Fatal(err)
	}
	if err := proto.Unmarshal(b, &def); err != nil {
		t.Fatal(err)
	}
	for i, want := range [][]string{want, want[:1], nil} {
		before := proto.Clone(def.Node[i])
		if err := spellStrings(def.Node[i]); err != nil {
			t.Fatal(err)
		}
		tensor := def.Node[i].Attr["value"].GetTensor()
		if want == nil {
			if !proto.Equal(before, def.Node[i]) {
				t.Errorf("a constant of numbers was changed to %v", tensor)
			}
			continue
		}
		var got []string
		for _, s := range tensor.StringVal {
			got = append(got, string(s))
		}
		if !slices.Equal(got, want) || len(tensor.TensorContent) > 0 {
			t.Errorf("strings %q and %d bytes of content, want %q", got, len(tensor.TensorContent), want)
		}
	}

	damaged := def.Node[0].Attr["value"].GetTensor()
	for _, content := range []string{"\x01", "\x01\x01\x01\x01abc", "\xff\xff\xff\xff"} {
		damaged.StringVal, damaged.TensorContent = nil, []byte(content)
		if err := spellStrings(def.Node[0]); err == nil {
			t.Errorf("%q passes for four strings: %q", content, damaged.StringVal)
		}
	}
}
