package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/global"
	"oscar/savedmodel"
)

// What [ExplainGlobal] can make.
const (
	GlobalAverages = "averages" // the mean map of each class
	GlobalSpRAy    = "spray"    // the strategies by which each class is recognised
	GlobalTree     = "tree"     // a decision tree that imitates the model
	GlobalTCAV     = "tcav"     // which concepts move which class
)

// GlobalParts lists them, in their order.
var GlobalParts = []string{GlobalAverages, GlobalSpRAy, GlobalTree, GlobalTCAV}

// GlobalOptions are the options of [ExplainGlobal].
type GlobalOptions struct {
	Model    string // a run or a SavedModel
	Data     string // folder with one sub-folder a class; empty: the run's own
	Part     string // of the run's split, or all: every image below Data
	Concepts string // folder with one sub-folder a concept, see [ExplainGlobal]; empty: no TCAV
	Out      string // folder for the results, new or empty
	// Settings: of Class only a class's name and [TargetAll] have a meaning. No
	// Method is Grad-CAM for the averages and LRP for the rest.
	Settings Settings
	Global   GlobalSettings
	Machine  Machine
	Listener Listener
}

// GlobalSettings say what is made of many images.
type GlobalSettings struct {
	What        []string `json:"what"`        // of [GlobalParts]; none: all, TCAV if there are concepts
	Side        int      `json:"side"`        // rows and columns that maps are pooled to
	Neighbours  int      `json:"neighbours"`  // of a map, for SpRAy
	Depth       int      `json:"depth"`       // of the tree
	MinLeaf     int      `json:"min_leaf"`    // images of a leaf
	Experiments int      `json:"experiments"` // CAVs of a concept
	Pooled      bool     `json:"pooled"`      // CAVs of the means of a layer's activations over the positions
}

// DefaultGlobalSettings are the defaults of package global.
func DefaultGlobalSettings() GlobalSettings {
	return GlobalSettings{
		Side: global.DefaultSide, Neighbours: global.DefaultNeighbours, Depth: global.DefaultDepth,
		MinLeaf: global.DefaultMinLeaf, Experiments: global.DefaultExperiments,
	}
}

// Check reports the first setting that cannot be.
func (s GlobalSettings) Check() error {
	for i, what := range s.What {
		if !slices.Contains(GlobalParts, what) {
			return fmt.Errorf("no part %q; have %s", what, strings.Join(GlobalParts, ", "))
		}
		if slices.Contains(s.What[:i], what) {
			return fmt.Errorf("%s is named twice", what)
		}
	}
	for _, f := range []struct {
		name        string
		value, want int
	}{
		{"side", s.Side, 2}, {"neighbours", s.Neighbours, 1}, {"depth", s.Depth, 1}, {"min-leaf", s.MinLeaf, 1}, {"experiments", s.Experiments, 2},
	} {
		if f.value < f.want {
			return fmt.Errorf("%s is %d, want at least %d", f.name, f.value, f.want)
		}
	}
	return nil
}

// makes says whether a part is to be made.
func (o GlobalOptions) makes(part string) bool {
	if len(o.Global.What) > 0 {
		return slices.Contains(o.Global.What, part)
	}
	return part != GlobalTCAV || o.Concepts != ""
}

// Global is what [ExplainGlobal] found, and writes to global.json.
type Global struct {
	Format     int            `json:"format"`
	Part       string         `json:"part"`
	Settings   Settings       `json:"settings"`
	Global     GlobalSettings `json:"global"`
	Classes    []string       `json:"classes"` // the model's
	Images     int            `json:"images"`  // that were read
	Unreadable int            `json:"unreadable"`
	Averages   []ClassAverage `json:"averages,omitempty"`
	SpRAy      []ClassSpRAy   `json:"spray,omitempty"`
	Tree       *Surrogate     `json:"tree,omitempty"`
	TCAV       *Concepts      `json:"tcav,omitempty"`
}

// ExplainGlobal explains a model by all images of some folder and writes, below
// Out, global.json and pictures. The folder appears when all is done, or not at
// all.
//
// The averages and SpRAy take the images of a class that the model recognises,
// with their maps for it. The tree takes all images. TCAV takes all images of a
// class. Concepts has one folder a concept; one called random has the images
// that concepts are told from, without it they are drawn from the data.
//
// Each image is decoded once, but for those drawn as random images for TCAV and
// those shown as examples. Maps are kept pooled: memory grows by two kilobytes
// an image.
func ExplainGlobal(ctx context.Context, o GlobalOptions) (*Global, error) {
	if err := errors.Join(o.Check(), newRunFolder(o.Out)); err != nil {
		return nil, err
	}
	g, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer g.bundle.Close()
	result, err := g.explain(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w; nothing is written before all is done", ErrInterrupted)
	}
	return result, err
}

// Check reports options that cannot be, whatever the model.
func (o GlobalOptions) Check() error {
	if err := errors.Join(o.Global.Check(), checkPart(o.Part), o.Machine.Check()); err != nil {
		return err
	}
	switch {
	case o.makes(GlobalTCAV) && o.Concepts == "":
		return fmt.Errorf("%s needs concepts: a folder with one sub-folder a concept", GlobalTCAV)
	case !o.makes(GlobalTCAV) && o.Concepts != "":
		return fmt.Errorf("concepts are for %s, which is not asked for", GlobalTCAV)
	}
	layered, idle := o.makes(GlobalTCAV), error(nil) // whether a named layer changes anything
	for _, method := range o.methods() {
		s := o.Settings
		s.Method = cmp.Or(method, "lrp")
		if err := CheckSettings(s); err != nil {
			return err
		}
		if strings.Contains(method, ",") {
			return fmt.Errorf("method is %q, want one", method)
		}
		if method == "" {
			continue
		}
		if err := checkLayer(s); err != nil {
			idle = err
		} else {
			layered = true
		}
	}
	if !layered {
		return idle
	}
	return nil
}

// globally is an [ExplainGlobal] under way.
type globally struct {
	GlobalOptions
	bundle   *savedmodel.Bundle
	part     part
	classes  []int // that are looked at
	concepts *dataset.Folder
	result   *Global
}

func (o GlobalOptions) open(ctx context.Context) (*globally, error) {
	bundle, err := Open(o.Model, o.Machine.Threads)
	if err != nil {
		return nil, err
	}
	g := &globally{GlobalOptions: o, bundle: bundle}
	if err := g.settle(ctx); err != nil {
		bundle.Close()
		return nil, err
	}
	return g, nil
}

// settle holds the options against the model, and finds the images.
func (g *globally) settle(ctx context.Context) (err error) {
	if g.Settings.Layer == "" {
		g.Settings.Layer = g.bundle.Metadata.Explain
	}
	if err := g.bundle.CheckLayer(g.Settings.Layer); err != nil {
		return err
	}
	if g.Settings.Model, err = fingerprint(g.Model); err != nil {
		return err
	}
	g.part, err = EvaluateOptions{Model: g.Model, Data: g.Data, Part: g.Part, Machine: g.Machine}.part(ctx, g.bundle)
	if err != nil {
		return err
	}
	if g.Settings.Class == TargetAll {
		for c := range g.bundle.Metadata.Classes {
			if slices.ContainsFunc(g.part.items, func(i dataset.Item) bool { return i.Class == c }) {
				g.classes = append(g.classes, c)
			}
		}
	} else {
		class, err := g.bundle.Metadata.Class(g.Settings.Class)
		if err != nil {
			return fmt.Errorf("%w, or %s", err, TargetAll)
		}
		g.classes = []int{class}
		if !slices.ContainsFunc(g.part.items, func(i dataset.Item) bool { return i.Class == class }) {
			return fmt.Errorf("%s has no images of class %s", g.part.root, g.Settings.Class)
		}
	}
	if g.makes(GlobalTCAV) {
		g.concepts, err = dataset.Scan(ctx, g.Concepts, dataset.ScanOptions{Limits: g.part.limits, Workers: g.Machine.Workers, OneClass: true})
		if err != nil {
			return fmt.Errorf("concepts: %w", err)
		}
	}
	g.result = &Global{
		Format: 1, Part: g.Part, Settings: g.Settings, Global: g.Global, Classes: g.bundle.Metadata.Classes, Unreadable: len(g.part.unreadable),
	}
	g.Listener.notes(LeftOut(g.part.unreadable))
	return nil
}

// methods are the methods of the averages and of the other maps; "" where there
// are none.
func (o GlobalOptions) methods() (methods [2]string) {
	for i, asked := range []bool{o.makes(GlobalAverages), o.makes(GlobalSpRAy) || o.makes(GlobalTree)} {
		if asked {
			methods[i] = []string{"gradcam", "lrp"}[i]
			if o.Settings.Method != "" {
				methods[i] = o.Settings.Method
			}
		}
	}
	return methods
}

// explain does the work and writes it.
func (g *globally) explain(ctx context.Context) (*Global, error) {
	vectors, err := g.trainVectors(ctx)
	if err != nil {
		return nil, err
	}
	seen, err := g.look(ctx, vectors)
	if err != nil {
		return nil, err
	}
	if g.makes(GlobalAverages) {
		g.result.Averages = g.averaged(seen)
	}
	if g.makes(GlobalSpRAy) {
		if err := g.cluster(ctx, seen); err != nil {
			return nil, err
		}
	}
	if g.makes(GlobalTree) {
		if err := g.imitate(ctx, seen); err != nil {
			return nil, err
		}
	}
	if g.makes(GlobalTCAV) {
		g.result.TCAV = vectors.compare(g.result.Classes, g.classes)
	}
	g.Listener.stage("drawing")
	return g.result, g.write(ctx, seen)
}
