package serve

import (
	"context"
	"fmt"
	"slices"

	"github.com/wamuir/graft/tensorflow/core/framework/tensor_go_proto"

	"oscar/explain"
	"oscar/internal/named"
	"oscar/internal/numeric"
	"oscar/methods"
)

// predicting are the names of the signature that predicts without explaining.
var predicting = []string{"", "serving_default", "serve"}

// signatureQuery returns the query of a signature: predictions, or one of the model's signatures
// that explain.
func (v *version) signatureQuery(name string) (query, error) {
	if slices.Contains(predicting, name) {
		return query{version: v}, nil
	}
	explaining := v.ExplainingSignatures()
	if !slices.Contains(explaining, name) {
		return query{}, badRequest{named.Unknown("signature", name, append([]string{"serving_default"}, explaining...))}
	}
	return query{version: v, signature: name}, nil
}

// signaturePasses returns the number of model passes of a signature. A signature with random samples
// runs the model many times.
func signaturePasses(name string) int {
	if m, err := methods.Lookup(name); err != nil || m.Samples {
		return quickPasses + 1
	}
	return 1
}

// call runs a signature that explains.
func (q query) call(ctx context.Context, images explain.Images, targets []int) ([]answer, error) {
	explained, err := q.version.CallSignature(ctx, q.signature, images, targets)
	if err != nil {
		return nil, err
	}
	out := make([]answer, images.N)
	for i, e := range explained {
		out[i].heatmap, out[i].Map, out[i].Target, out[i].Probabilities = e.Heatmap, e.Raw, e.Class, e.Probabilities
	}
	return out, nil
}

// output is an output of a signature.
type output struct {
	name  string
	shape []int // of an image; nil: depends on the method
	grid  func(answer) explain.Grid
	row   func(answer) []float32
	class func(answer) int
}

// outputs lists the outputs of a query's signature.
func (q query) outputs() []output {
	in, classes := q.version.Metadata.Image, len(q.version.Metadata.Classes)
	probabilities := output{name: "probabilities", shape: []int{classes}, row: func(a answer) []float32 { return a.Probabilities }}
	if q.signature == "" {
		return []output{
			{name: "class", shape: []int{}, class: func(a answer) int { return numeric.ArgMax(a.Logits) }},
			{name: "logits", shape: []int{classes}, row: func(a answer) []float32 { return a.Logits }},
			probabilities,
		}
	}
	return []output{
		{name: "class", shape: []int{}, class: func(a answer) int { return a.Target }},
		{name: "heatmap", shape: []int{in.Height, in.Width}, grid: func(a answer) explain.Grid { return a.heatmap }},
		probabilities,
		{name: "raw", shape: []int{-1, -1}, grid: func(a answer) explain.Grid { return a.Map }},
	}
}

// write writes the value of an image as JSON.
func (o output) write(b *jsonWriter, a answer) {
	switch {
	case o.class != nil:
		b.int(o.class(a))
	case o.row != nil:
		row := o.row(a)
		b.floats(row, len(row))
	default:
		b.rows(o.grid(a))
	}
}

// info describes the output as TensorFlow Serving does.
func (o output) info() tensorInfo {
	kind := "DT_FLOAT"
	if o.class != nil {
		kind = "DT_INT64"
	}
	return tensorOf(fmt.Sprintf("%s:0", o.name), kind, append([]int{-1}, o.shape...)...)
}

// tensor returns the output for all images as TensorFlow Serving's gRPC interface sends it.
func (o output) tensor(answers []answer) *tensor_go_proto.TensorProto {
	if o.class != nil {
		var classes []int64
		for _, a := range answers {
			classes = append(classes, int64(o.class(a)))
		}
		return intTensor(classes)
	}
	var rows [][]float32
	shape := o.shape
	for _, a := range answers {
		if o.grid != nil {
			g := o.grid(a)
			rows, shape = append(rows, g.Values), []int{g.Height, g.Width}
		} else {
			rows = append(rows, o.row(a))
		}
	}
	return floatTensor(rows, shape...)
}
