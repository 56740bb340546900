package pipeline

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"oscar/experiment"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/paths"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
	"oscar/store"
	"oscar/tfmodel"
	"oscar/weights"
)

// startingPoint is the start of fine-tuning. It returns the architecture for a number of classes;
// the weights of all layers except the head are in the run folder.
type startingPoint func(classes int) (tfmodel.Architecture, error)

// start writes the weights, or the model, to dir.
func start(ctx context.Context, e experiment.Experiment, dir string, trust bool, listener Listener) (startingPoint, error) {
	if e.FineTune.Weights != "" {
		return startWithWeights(ctx, e, dir, listener)
	}
	body, err := pretrained(ctx, e, dir, trust)
	if err != nil {
		return nil, err
	}
	return func(classes int) (tfmodel.Architecture, error) {
		return tfmodel.ImportArchitecture(body, classes, e.FineTune.Tuning())
	}, nil
}

// startWithWeights reads a file of weights and writes the weights of the layers before the head to
// dir, under the names of the experiment's architecture.
func startWithWeights(ctx context.Context, e experiment.Experiment, dir string, listener Listener) (startingPoint, error) {
	file, err := weights.Open(ctx, e.FineTune.Weights)
	if err != nil {
		return nil, err
	}
	network := func(classes int) (tfmodel.Architecture, error) {
		a, err := e.Network(classes)
		if err != nil || !a.Builtin() {
			return a, err
		}
		return file.Prepare(a)
	}
	a, err := network(2)
	if err != nil {
		return nil, err
	}
	loaded, err := file.Load(ctx, a, false)
	if err != nil {
		return nil, err
	}
	listener.Note(loaded.Notes()...)
	if err := os.RemoveAll(dir); err != nil { // files of a killed process
		return nil, err
	}
	err = atomicfile.Dir(dir, func(tmp string) error {
		if err := loaded.Write(ctx, filepath.Join(tmp, run.WeightsPrefix)); err != nil {
			return err
		}
		return checksum.Seal(tmp)
	})
	return network, err
}

// StartWithWeights reads an experiment's weights into a run's folder, for an experiment with known
// layers. It returns the experiment as the run records it.
func StartWithWeights(ctx context.Context, e experiment.Experiment, dir string, listener Listener) (experiment.Experiment, error) {
	classes, err := e.Architecture.Classes()
	if err != nil {
		return e, err
	}
	from, err := startWithWeights(ctx, e, filepath.Join(dir, run.PretrainedDir), listener)
	if err != nil {
		return e, err
	}
	if e.Architecture, err = from(classes); err != nil {
		return e, err
	}
	if e.FineTune, err = e.FineTune.Absolute(); err != nil {
		return e, err
	}
	return e, e.Resolve(classes)
}

// pretrained copies the model to fine-tune to dir and returns its graph. The model may be in a
// store.
func pretrained(ctx context.Context, e experiment.Experiment, dir string, trust bool) (body *savedmodel.Body, err error) {
	if !paths.IsStore(e.FineTune.From) {
		return copyModel(ctx, e, e.FineTune.From, dir, trust)
	}
	c, err := store.Open(ctx, e.FineTune.From, "")
	if err != nil {
		return nil, err
	}
	if err = c.Pull(ctx, "."); err == nil {
		body, err = copyModel(ctx, e, c.Dir, dir, trust)
	}
	return body, errors.Join(err, c.Close())
}

// copyModel copies the model in the folder from to dir. If oscar did not write the model, copyModel
// adopts it, with the experiment's image size if the model allows several.
func copyModel(ctx context.Context, e experiment.Experiment, from, dir string, trust bool) (*savedmodel.Body, error) {
	if len(e.Architecture.Layers) > 0 && !e.Architecture.Imports() {
		return nil, errors.New("the experiment has both architecture.layers and fine_tune.from; give one")
	}
	if !IsModel(from) {
		return nil, notModel(from)
	}
	if err := os.RemoveAll(dir); err != nil { // files of a killed process
		return nil, err
	}
	if run.Is(from) || savedmodel.IsOscar(from) {
		model, err := trustedDir(from, trust)
		if err != nil {
			return nil, err
		}
		if err := os.CopyFS(dir, os.DirFS(model)); err != nil {
			return nil, errors.Join(fmt.Errorf("copy the model that training starts from: %w", err), os.RemoveAll(dir))
		}
	} else {
		options, _, err := foreign.ReadSidecar(from)
		if err != nil {
			return nil, err
		}
		options.Trust = trust
		if in := e.Architecture.Input; len(in) == 3 {
			options.Image.Height, options.Image.Width = in[0], in[1]
		}
		if _, err := foreign.Adopt(ctx, from, dir, options); err != nil {
			return nil, err
		}
	}
	body, err := savedmodel.OpenBody(dir)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	in, want := body.Metadata.Image, e.Architecture.Input
	if len(want) == 3 && (want[0] != in.Height || want[1] != in.Width) {
		return nil, errors.Join(fmt.Errorf("images of %d x %d are asked for, and %s takes %d x %d", want[0], want[1], e.FineTune.From, in.Height, in.Width), os.RemoveAll(dir))
	}
	return body, nil
}

// origin describes the source of a fine-tuned model.
func origin(e experiment.Experiment, body *savedmodel.Body) *savedmodel.Origin {
	from := filepath.Base(paths.Absolute(e.FineTune.From))
	if body.Metadata.Origin == nil {
		return &savedmodel.Origin{Kind: "oscar", Signature: "serving_default", Scale: "0..255", Scaled: "oscar trained it so", Logits: "a new head on " + from}
	}
	o := *body.Metadata.Origin
	o.Logits, o.Output, o.Difference = "a new head on "+from, "", nil
	return &o
}
