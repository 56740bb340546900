package instance

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"

	"oscar/instance/maskrcnn"
	"oscar/instance/scene"
	"oscar/internal/atomicfile"
	"oscar/internal/checkpoint"
	"oscar/internal/paths"
	"oscar/internal/text"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/tfmodel"
	"oscar/weights"
)

// begin checks the weights that the training starts from. It returns the experiment with the
// settings of these weights: the layers as their program computes them, and batch normalization with
// moving averages.
func (e Experiment) begin(ctx context.Context, note func(...string)) (Experiment, error) {
	e.Weights = paths.Absolute(e.Weights)
	if IsRun(e.Weights) {
		from, err := openWeights(e)
		if err != nil {
			return e, err
		}
		e.Detector.Tuning = cmp.Or(e.Detector.Tuning, from.Experiment.Detector.Tuning)
		_, _, err = from.weights()
		return e, err
	}
	file, err := e.openBackbone(ctx)
	if err != nil {
		return e, err
	}
	if e.Detector.Tuning == nil {
		e.Detector.Tuning = &tfmodel.Tuning{}
	}
	if backbone := e.Detector.Classifier(); isPublished(backbone) {
		if backbone, err = file.Prepare(backbone); err != nil {
			return e, err
		}
		e.Detector.Backbone = backbone.Layers
	}
	loaded, err := file.Load(ctx, e.Detector.Classifier(), true)
	if err != nil {
		return e, err
	}
	note(loaded.Notes()...)
	if err := e.checkUnseen(note); err != nil {
		return e, err
	}
	return e, e.Check()
}

// openBackbone opens the weights of a classifier.
func (e Experiment) openBackbone(ctx context.Context) (*weights.File, error) {
	if info, err := os.Stat(e.Weights); err == nil && info.IsDir() && !run.Is(e.Weights) && !savedmodel.IsOscar(e.Weights) {
		return nil, fmt.Errorf("weights %s: the folder is neither a run nor a SavedModel of oscar's", e.Weights)
	}
	return weights.Open(ctx, e.Weights)
}

// isPublished reports whether the backbone is the beginning of the published network of its name.
func isPublished(backbone tfmodel.Architecture) bool {
	known, err := tfmodel.Lookup(backbone.Name, 1)
	n := len(backbone.Layers)
	return err == nil && n <= len(known.Layers) && reflect.DeepEqual(known.Layers[:n], backbone.Layers)
}

// checkUnseen returns an error if the classifier of the weights was trained on photographs of the
// scenes' validation or test part, or if its epoch was chosen by photographs of the test part. It
// adds a note if the scenes do not record their photographs.
func (e Experiment) checkUnseen(note func(...string)) error {
	if !run.Is(e.Weights) {
		return nil
	}
	photographs, err := scene.Photographs(e.Data.Root)
	if err != nil {
		return err
	}
	classifier, err := run.Open(e.Weights)
	if err != nil {
		return err
	}
	if photographs == nil {
		note(fmt.Sprintf("%s does not say of which photographs its scenes are made: %s may have seen those of the test part", e.Data.Root, e.Weights))
		return nil
	}
	learned := classifier.Split.PartOf()
	var seen []string
	for i, item := range slices.Concat(photographs.Test, photographs.Validation) {
		part := learned[item.SHA256]
		if part == "train" || part == "validation" && i < len(photographs.Test) {
			seen = append(seen, item.Path)
		}
	}
	if len(seen) > 0 {
		return fmt.Errorf("the classifier %s was trained with %s of the scenes' validation or test part, such as %s; oscar train PHOTOS --split 0.7,0.15,0.15 --group-near-duplicates --seed %d has the same parts as oscar compose",
			e.Weights, text.Count(len(seen), "photograph"), seen[0], photographs.Seed)
	}
	return nil
}

// restoreWeights loads the weights that the training starts from.
func (r *Run) restoreWeights(ctx context.Context, t *maskrcnn.Trainer) error {
	e := r.Experiment
	if IsRun(e.Weights) {
		from, err := openWeights(e)
		if err != nil {
			return err
		}
		prefix, _, err := from.weights()
		if err != nil {
			return err
		}
		return t.RestoreWeights(ctx, prefix)
	}
	file, err := e.openBackbone(ctx)
	if err != nil {
		return err
	}
	loaded, err := file.Load(ctx, e.Detector.Classifier(), true)
	if err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(r.path(checkpointsDir), atomicfile.Prefix+"weights-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	prefix := filepath.Join(tmp, checkpoint.Variables)
	if err := loaded.Write(ctx, prefix); err != nil {
		return err
	}
	return t.RestoreBackbone(ctx, prefix)
}
