package weights

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"google.golang.org/protobuf/encoding/protowire"

	"oscar/internal/graph"
	"oscar/internal/paths"
	"oscar/run"
	"oscar/savedmodel"
)

// openFolder opens a run of oscar or a SavedModel.
func openFolder(ctx context.Context, dir string) (*File, error) {
	if run.Is(dir) {
		r, err := run.Open(dir)
		if err != nil {
			return nil, err
		}
		var f *File
		_, err = r.UseBest(run.Listener{}, func(prefix string) error {
			f, err = openBundle(ctx, prefix)
			return err
		})
		if err != nil {
			return nil, err
		}
		f.Format = "run"
		return f, nil
	}
	if !savedmodel.IsOscar(dir) {
		return nil, fmt.Errorf("it is no run and no SavedModel of oscar's; a SavedModel of another program is taken whole, by --from in place of --weights")
	}
	f, err := openBundle(ctx, filepath.Join(dir, "variables", "variables"))
	if err == nil {
		f.Format = "SavedModel"
	}
	return f, err
}

// objects is the key of the object graph in a checkpoint of Keras or tf.train.Checkpoint.
const objects = "_CHECKPOINTABLE_OBJECT_GRAPH"

// openBundle opens a TensorFlow checkpoint.
func openBundle(ctx context.Context, prefix string) (*File, error) {
	list, err := savedmodel.ReadIndex(prefix)
	if err != nil {
		return nil, err
	}
	held := paths.SizeOf(prefix + ".data-*")
	f := &File{Format: "TensorFlow checkpoint", tensors: map[string]tensor{}}
	keys, tracked := map[string]string{}, false
	for _, t := range list {
		if t.Name == objects {
			tracked = true
			continue
		}
		if _, err := elements(t.Shape, held); err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		keys[t.Name] = t.Name
		f.tensors[t.Name] = tensor{t.Shape, t.Float}
	}
	if tracked {
		if err := f.named(ctx, prefix, keys); err != nil {
			return nil, err
		}
	}
	f.read = func(ctx context.Context, names []string) ([][]float32, error) {
		entries := make([]graph.Entry, len(names))
		for i, name := range names {
			entries[i] = graph.Entry{Key: keys[name], DType: graph.Float, Shape: f.tensors[name].shape}
		}
		values, err := graph.ReadCheckpoint(ctx, prefix, entries)
		if err != nil {
			return nil, err
		}
		out := make([][]float32, len(values))
		for i, v := range values {
			out[i] = v.Float32s()
		}
		return out, nil
	}
	return f, nil
}

// named renames the tensors of a checkpoint to their Keras variables, such as Conv1/kernel, by the
// object graph. keys receives the original keys by new name.
func (f *File) named(ctx context.Context, prefix string, keys map[string]string) error {
	values, err := graph.ReadCheckpoint(ctx, prefix, []graph.Entry{{Key: objects, DType: graph.String}})
	if err != nil {
		return err
	}
	if len(values) != 1 {
		return fmt.Errorf("its table of objects is damaged")
	}
	full, err := fullNames([]byte(values[0].Str()))
	if err != nil {
		return fmt.Errorf("its table of objects is damaged: %w", err)
	}
	for _, key := range slices.Sorted(maps.Keys(full)) {
		name := strings.TrimSuffix(full[key], ":0")
		if _, taken := f.tensors[name]; name == "" || taken {
			continue
		}
		if t, ok := f.tensors[key]; ok {
			delete(f.tensors, key)
			delete(keys, key)
			f.tensors[name], keys[name] = t, key
		}
	}
	return nil
}

// fullNames parses a TrackableObjectGraph. It returns the keys of tensors with the names of their
// variables.
//
//	nodes = 1: { attributes = 2: { full_name = 2, checkpoint_key = 3 } }
func fullNames(table []byte) (map[string]string, error) {
	names := map[string]string{}
	err := eachField(table, 1, func(node []byte) error {
		return eachField(node, 2, func(attribute []byte) error {
			var text [4]string
			for _, field := range []protowire.Number{2, 3} {
				if err := eachField(attribute, field, func(b []byte) error { text[field] = string(b); return nil }); err != nil {
					return err
				}
			}
			names[text[3]] = text[2]
			return nil
		})
	})
	return names, err
}

// eachField calls visit for each value of a bytes field.
func eachField(b []byte, field protowire.Number, visit func([]byte) error) error {
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		size := protowire.ConsumeFieldValue(number, kind, b)
		if size < 0 {
			return protowire.ParseError(size)
		}
		if number == field && kind == protowire.BytesType {
			value, _ := protowire.ConsumeBytes(b)
			if err := visit(value); err != nil {
				return err
			}
		}
		b = b[size:]
	}
	return nil
}
