package graph

import (
	"context"
	"fmt"
	"strings"

	tf "github.com/wamuir/graft/tensorflow"
)

// Entry names a tensor of a checkpoint.
type Entry struct {
	Key   string
	Slice string // of a partitioned variable, "8 4 0,4:0,4"; empty: all of it
	DType DType
	Shape Shape // checked before memory is allocated; nil: any
}

// ReadCheckpoint reads tensors of the tensor bundle at prefix. Checksums, types
// and shapes are verified.
func ReadCheckpoint(ctx context.Context, prefix string, entries []Entry) ([]Value, error) {
	if len(entries) == 0 {
		return nil, nil
	}
	g := New()
	keys, slices, types := make([]string, len(entries)), make([]string, len(entries)), make([]tf.DataType, len(entries))
	for i, e := range entries {
		keys[i], slices[i], types[i] = e.Key, e.Slice, e.DType
		if slices[i] == "" && len(e.Shape) > 0 {
			slices[i] = wholeSlice(e.Shape)
		}
	}
	path := g.Placeholder("prefix", String, Shape{})
	op := g.add("RestoreV2", "", attributes{"dtypes": types}, path, g.Const(FromStrings(keys)), g.Const(FromStrings(slices)))
	session, err := g.NewSession(Config{})
	if err != nil {
		return nil, err
	}
	defer session.Close()
	fetch := make([]Tensor, len(entries))
	for i := range fetch {
		fetch[i] = op.Output(i)
	}
	values, err := session.Run(ctx, []Feed{{To: path, Value: FromString(prefix)}}, fetch)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("read %s: %w", prefix, err)
	}
	if err != nil {
		text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "run: "), " [[{{")
		return nil, fmt.Errorf("read %s: %s", prefix, strings.TrimSpace(text))
	}
	return values, nil
}

// WriteCheckpoint writes tensors of float32 under the keys of entries to a tensor bundle at
// prefix.
func WriteCheckpoint(ctx context.Context, prefix string, entries []Entry, values []Value) error {
	g := New()
	path := g.Placeholder("prefix", String, Shape{})
	keys, tensors := make([]string, len(entries)), make([]Tensor, len(entries))
	feeds := []Feed{{To: path, Value: FromString(prefix)}}
	for i, e := range entries {
		keys[i] = e.Key
		tensors[i] = g.Placeholder(fmt.Sprint("value_", i), Float, values[i].Shape())
		feeds = append(feeds, Feed{To: tensors[i], Value: values[i]})
	}
	written := g.After("written", path, g.SaveV2(path, keys, tensors))
	session, err := g.NewSession(Config{})
	if err != nil {
		return err
	}
	defer session.Close()
	if _, err := session.Run(ctx, feeds, []Tensor{written}); err != nil {
		return fmt.Errorf("write %s: %w", prefix, err)
	}
	return nil
}

// wholeSlice returns "3 4 -:-", which means the whole tensor of that shape. TensorFlow compares the
// shape with the file's before it reads.
func wholeSlice(s Shape) string {
	var b strings.Builder
	for _, d := range s {
		fmt.Fprintf(&b, "%d ", d)
	}
	return b.String() + strings.TrimSuffix(strings.Repeat("-:", len(s)), ":")
}
