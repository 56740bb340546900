package pipeline

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"oscar/dataset"
	"oscar/experiment"
	"oscar/instance"
	"oscar/internal/atomicfile"
	"oscar/internal/paths"
	"oscar/methods"
	"oscar/result"
	"oscar/run"
	"oscar/savedmodel"
	"oscar/savedmodel/foreign"
	"oscar/tfmodel"
)

// ExportOptions are the options of [Export].
type ExportOptions struct {
	Model string // a run, or a SavedModel of any program
	// Weights is a file of weights in place of Model, see package weights. Architecture is the name of
	// the network, Classes are the names of its classes; nil: "0", "1", ...
	Weights, Architecture string
	Classes               []string

	Out     string
	Frozen  bool     // constants in place of variables
	Explain []string // explanations to add as signatures; none: the model's default, gradcam
	// Temperature divides the logits. It is a number, 0.05 to 20, or the folder of an audit of Model,
	// which has measured one. "": 1.
	Temperature string
	Threads     Threads
	Trust       bool // see [Machine]
	// Listener is notified if damaged weights are replaced by other ones.
	Listener Listener
}

// Export writes a model as a SavedModel: the best epoch of a run, or a copy of a SavedModel with
// more signatures. The signatures are serving_default (also named serve) and one for each
// explanation. Another program's model is adopted first.
func Export(ctx context.Context, o ExportOptions) error {
	if o.Weights != "" || o.Architecture != "" {
		return o.weights(ctx)
	}
	if o.Temperature != "" {
		return o.calibrate(ctx)
	}
	if !run.Is(o.Model) {
		return o.extend(ctx)
	}
	r, err := OpenRun(o.Model)
	if err != nil {
		return err
	}
	if paths.Within(paths.Real(o.Model), paths.Real(o.Out)) {
		return fmt.Errorf("%s lies in the run, whose own model is to stay as it is; name a folder outside %s", o.Out, o.Model)
	}
	if err := atomicfile.Replaceable(o.Out); err != nil {
		return err
	}
	_, err = r.export(ctx, o)
	return err
}

// extend is [Export] of a SavedModel.
func (o ExportOptions) extend(ctx context.Context) error {
	if !IsModel(o.Model) {
		return notModel(o.Model)
	}
	if o.Frozen {
		return fmt.Errorf("%s is a SavedModel; only a run's model can be frozen", o.Model)
	}
	if paths.Within(paths.Real(o.Model), paths.Real(o.Out)) {
		return fmt.Errorf("%s lies in the model, which is to stay as it is; name a folder outside %s", o.Out, o.Model)
	}
	if err := atomicfile.Replaceable(o.Out); err != nil {
		return err
	}
	dir, err := trustedDir(o.Model, o.Trust)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return savedmodel.Extend(dir, o.Out, Config{Threads: o.Threads}, func(b *savedmodel.Bundle, g *tfmodel.Graph) (map[string]savedmodel.Signature, error) {
		n, err := tfmodel.NetworkOf(b, g)
		if err != nil {
			return nil, err
		}
		if len(o.Explain) == 0 {
			method := methods.Default(b, "")
			if _, err := tfmodel.LookupExplanation(method); err != nil {
				return nil, nil // no such signature
			}
			o.Explain = []string{method}
		}
		return o.explanations(n, b.Metadata.Explain)
	})
}

// explanations adds the signatures of o.Explain. CAMs are at layer.
func (o ExportOptions) explanations(n *tfmodel.Network, layer string) (map[string]savedmodel.Signature, error) {
	names := o.Explain
	if len(names) == 0 {
		names = []string{"gradcam"}
	}
	signatures := map[string]savedmodel.Signature{}
	for _, name := range names {
		explanation, err := tfmodel.LookupExplanation(name)
		if err != nil {
			return nil, err
		}
		if signatures[explanation.Name], err = explanation.New(n, layer); err != nil {
			return nil, fmt.Errorf("%s: %w", explanation.Name, err)
		}
	}
	return signatures, nil
}

// export exports the run r as [Export] does and returns the epoch.
func (r *Run) export(ctx context.Context, o ExportOptions) (epoch int, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	ctx = context.WithoutCancel(ctx) // finish an export that has begun
	network, err := r.Network()
	if err != nil {
		return 0, err
	}
	n, err := tfmodel.Compile(network)
	if err != nil {
		return 0, err
	}
	var session *tfmodel.Session
	epoch, err = r.UseBest(o.Listener, func(prefix string) error {
		session, err = n.Restore(ctx, prefix, Config{Threads: o.Threads})
		return err
	})
	if err != nil {
		return 0, err
	}
	defer session.Close()
	if o.Frozen {
		values, err := n.Values(ctx, session)
		if err != nil {
			return 0, err
		}
		if n, err = tfmodel.CompileFrozen(network, values); err != nil {
			return 0, err
		}
	}
	meta, err := r.metadata(n)
	if err != nil {
		return 0, err
	}
	if meta.MultiLabel, err = r.thresholds(epoch); err != nil {
		return 0, err
	}
	signatures, err := o.explanations(n, r.Experiment.Explain)
	if err != nil {
		return 0, err
	}
	signatures["serving_default"], signatures["serve"] = n.Serving(), n.Serving()
	return epoch, savedmodel.Write(ctx, o.Out, n.SavedModel(session, signatures, meta))
}

// metadata describes the run's model, for users who have only the SavedModel.
func (r *Run) metadata(n *tfmodel.Network) (savedmodel.Metadata, error) {
	given := r.Experiment
	given.Data.Root = "" // do not publish the author's paths
	var from *savedmodel.Origin
	if f := given.FineTune; f != nil {
		without := *f
		if f.Weights != "" {
			without.Weights = filepath.Base(f.Weights)
		} else {
			body, err := savedmodel.OpenBody(r.Path(run.PretrainedDir))
			if err != nil {
				return savedmodel.Metadata{}, err
			}
			from = origin(given, body)
			without.From = filepath.Base(f.From)
		}
		given.FineTune = &without
	}
	if given.Data.Classes != "" {
		given.Data.Classes = filepath.Base(given.Data.Classes)
	}
	meta, err := metadataOf(n, given, r.Environment)
	meta.Classes, meta.SplitHash, meta.Origin = r.Split.Classes, r.Split.Hash, from
	return meta, err
}

// metadataOf describes a network with the settings of an experiment.
func metadataOf(n *tfmodel.Network, e experiment.Experiment, env result.Environment) (savedmodel.Metadata, error) {
	layers, err := n.Layers()
	if err != nil {
		return savedmodel.Metadata{}, err
	}
	total, _, err := n.Architecture.Parameters()
	if err != nil {
		return savedmodel.Metadata{}, err
	}
	text, err := json.Marshal(e)
	if err != nil {
		return savedmodel.Metadata{}, err
	}
	in := e.Architecture.Input
	return savedmodel.Metadata{
		Format: 1, Model: e.Architecture.Name,
		Image: savedmodel.Image{
			Height: in[0], Width: in[1], Channels: "RGB", Range: "0..255", Orientation: "EXIF applied",
			Interpolation: string(e.Data.Interpolation), Aspect: string(e.Data.Aspect), Padding: e.Data.Padding,
			Decoder: dataset.DecoderName(env.Go),
		},
		Layers: layers, Explain: e.Explain, Parameters: total, Experiment: text, Versions: env.Versions(),
	}, nil
}

// IsModel reports whether path can be given as MODEL: a run, a SavedModel or a frozen
// graph.
func IsModel(path string) bool {
	return run.Is(path) || foreign.IsFrozen(path) || paths.Exists(filepath.Join(path, "saved_model.pb"))
}

// trustedDir is [modelDir], but unless trust is set, it is an error if the model can access
// files, the network, Python or foreign code.
func trustedDir(path string, trust bool) (string, error) {
	dir, err := modelDir(path, trust)
	if err == nil && !trust {
		err = foreign.CheckTrust(dir)
	}
	return dir, err
}

// detectorVerbs is an error text about the verbs that accept a detector.
const detectorVerbs = "a detector has evaluate, predict, explain, draw, score, compare, report, export, inspect and serve"

// modelDir returns the SavedModel's folder for MODEL, a run or a SavedModel. It adopts another
// program's SavedModel, and may run it for that.
func modelDir(path string, trust bool) (string, error) {
	if instance.IsRun(path) {
		return "", fmt.Errorf("run %s is of a detector, and this is for classifiers; "+detectorVerbs, path)
	}
	if instance.IsExport(path) {
		return "", fmt.Errorf("%s is an exported detector, and this is for classifiers; "+detectorVerbs, path)
	}
	if run.Is(path) {
		dir := filepath.Join(path, run.ModelDir)
		if _, err := os.Stat(dir); err != nil {
			if err := run.Discarded(path); err != nil {
				return "", err
			}
			if paths.Exists(filepath.Join(path, run.EvaluationFile)) {
				return "", fmt.Errorf("run %s has lost its %s; make it again with \"oscar train --resume %s\"", path, run.ModelDir, path)
			}
			return "", fmt.Errorf("run %s has no %s yet: training is not finished; continue with \"oscar train --resume %s\", or take the best epoch so far with \"oscar export\"", path, run.ModelDir, path)
		}
		return dir, nil
	}
	switch {
	case foreign.IsFrozen(path), paths.Exists(filepath.Join(path, "saved_model.pb")) && !savedmodel.IsOscar(path):
		return adoptInCache(path, trust)
	case paths.Exists(filepath.Join(path, "saved_model.pb")):
		return path, nil
	}
	return "", notModel(path)
}
