package pipeline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/tfmodel"
	"oscar/weights"
)

// weights is [Export] of another program's weights: a network of oscar's layers that gives the same
// predictions as in that program.
func (o ExportOptions) weights(ctx context.Context) error {
	switch {
	case o.Weights == "" || o.Architecture == "":
		return errors.New("weights and their architecture go together; give both")
	case o.Model != "":
		return fmt.Errorf("both %s and the weights %s are given; give one", o.Model, o.Weights)
	case o.Temperature != "":
		return errors.New("weights are exported as they are; calibrate the model that is made of them")
	}
	if err := atomicfile.Replaceable(o.Out); err != nil {
		return err
	}
	file, err := weights.Open(ctx, o.Weights)
	if err != nil {
		return err
	}
	e, classes, err := o.network(file)
	if err != nil {
		return err
	}
	loaded, err := file.Load(ctx, e.Architecture, true)
	if err != nil {
		return err
	}
	o.Listener.Note(loaded.Notes()...)
	n, session, err := o.compile(ctx, loaded)
	if err != nil {
		return err
	}
	if session != nil {
		defer session.Close()
	}
	meta, err := metadataOf(n, e, run.NewEnvironment(Config{Threads: o.Threads}, e.Seed))
	if err != nil {
		return err
	}
	meta.Classes, meta.WeightsSHA256 = classes, hashValues(loaded.Values)
	signatures, err := o.explanations(n, e.Explain)
	if err != nil {
		return err
	}
	signatures["serving_default"], signatures["serve"] = n.Serving(), n.Serving()
	return savedmodel.Write(ctx, o.Out, n.SavedModel(session, signatures, meta))
}

// hashValues returns the SHA-256 of the values of variables.
func hashValues(values map[string][]float32) string {
	h := sha256.New()
	var buf []byte
	for _, name := range slices.Sorted(maps.Keys(values)) {
		fmt.Fprintf(h, "%s %d\n", name, len(values[name]))
		buf = buf[:0]
		for _, v := range values[name] {
			buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
		}
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// network returns the experiment with the architecture for a file's classes, and the names of the
// classes.
func (o ExportOptions) network(file *weights.File) (experiment.Experiment, []string, error) {
	e := experiment.Default()
	a, err := tfmodel.Lookup(o.Architecture, 2)
	if err != nil {
		return e, nil, err
	}
	n, err := file.Classes(a)
	if err != nil {
		return e, nil, err
	}
	classes := o.Classes
	if classes == nil {
		for i := range n {
			classes = append(classes, strconv.Itoa(i))
		}
	}
	if len(classes) != n {
		return e, nil, fmt.Errorf("%d names of classes, and the weights %s have %d classes", len(classes), o.Weights, n)
	}
	if sorted := slices.Sorted(slices.Values(classes)); len(slices.Compact(sorted)) < n {
		return e, nil, errors.New("two classes have one name")
	}
	if a, err = tfmodel.Lookup(o.Architecture, n); err != nil {
		return e, nil, err
	}
	if e.Architecture, err = file.Prepare(a); err != nil {
		return e, nil, err
	}
	return e, classes, e.Resolve(n)
}

// compile returns the network with its values, as constants or in a session's variables.
func (o ExportOptions) compile(ctx context.Context, loaded *weights.Loaded) (*tfmodel.Network, *tfmodel.Session, error) {
	if o.Frozen {
		n, err := tfmodel.CompileFrozen(loaded.Architecture, loaded.Values)
		return n, nil, err
	}
	n, err := tfmodel.Compile(loaded.Architecture)
	if err != nil {
		return nil, nil, err
	}
	dir, err := os.MkdirTemp("", "oscar-weights-*")
	if err != nil {
		return nil, nil, err
	}
	prefix := filepath.Join(dir, run.WeightsPrefix)
	if err = loaded.Write(ctx, prefix); err != nil {
		return nil, nil, errors.Join(err, os.RemoveAll(dir))
	}
	session, err := n.Restore(ctx, prefix, Config{Threads: o.Threads})
	return n, session, errors.Join(err, os.RemoveAll(dir))
}
