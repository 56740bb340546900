package pipeline

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/global"
	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/checksum"
	"oscar/internal/named"
	"oscar/internal/resultdir"
	"oscar/methods"
	"oscar/result"
	"oscar/savedmodel"
)

// GlobalOptions are the options of [ExplainGlobal].
type GlobalOptions struct {
	Model    string // a run or a SavedModel
	Data     string // folder with one sub-folder per class; empty: the run's own
	Part     string // a part of the run's split, or all: every image below Data
	Concepts string // folder with one sub-folder per concept, see [ExplainGlobal]; empty: no TCAV
	Out      string // folder for the results, new or empty
	// Settings are the settings of the maps. Class may be a class's name or [TargetAll]. Without a
	// Method, averages use Grad-CAM and the other results LRP.
	Settings Settings
	Global   global.Settings
	Machine  Machine
	Listener Listener
}

// makes reports whether a part of the results is requested.
func (o GlobalOptions) makes(part string) bool {
	return o.Global.Selects(part, o.Concepts != "")
}

// Global is what [ExplainGlobal] writes to global.json.
type Global = result.Global

// ExplainGlobal explains a model by all images of a folder. It writes pictures, and last
// global.json, to Out.
//
// The averages and SpRAy use the correctly classified images of a class and their maps for that
// class. The tree uses all images. TCAV uses all images of a class. Concepts has one folder per
// concept; a folder named random has the images that concepts are compared with. Without it, they
// are drawn from the data.
//
// Each image is decoded once, except TCAV's random images and the examples shown. Pooled maps are
// kept in memory: two kilobytes per image.
func ExplainGlobal(ctx context.Context, o GlobalOptions) (*Global, error) {
	if err := o.Check(); err != nil {
		return nil, err
	}
	early := append([]string{result.CommandFile, checksum.File}, global.Files...)
	dir, err := resultdir.Open(o.Out, resultdir.Kind{Early: early})
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	for _, name := range early { // left by a call that was killed near its end
		if err := os.RemoveAll(filepath.Join(o.Out, name)); err != nil {
			return nil, err
		}
	}
	g, err := o.open(ctx)
	if err != nil {
		return nil, err
	}
	defer g.close()
	res, err := g.explain(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, fmt.Errorf("%w; nothing was written", ErrInterrupted)
	}
	return res, err
}

// Check returns an error for options that are invalid for every model.
func (o GlobalOptions) Check() error {
	if err := errors.Join(o.Global.Check(), named.Check("split part", o.Part, dataset.PartNames), o.Machine.Check(), o.Settings.Precision.Check()); err != nil {
		return err
	}
	switch {
	case o.makes(global.MethodTCAV) && o.Concepts == "":
		return fmt.Errorf("%s needs concepts: a folder with one sub-folder a concept", global.MethodTCAV)
	case !o.makes(global.MethodTCAV) && o.Concepts != "":
		return fmt.Errorf("concepts are for %s, which is not asked for", global.MethodTCAV)
	}
	layered, idle := o.makes(global.MethodTCAV), error(nil) // whether a layer setting has an effect
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

// globalFile is the file of results in a folder of global explanations.
const globalFile = result.GlobalFile

// globalJob is a running [ExplainGlobal].
type globalJob struct {
	GlobalOptions
	bundle   *savedmodel.Bundle
	exact    *savedmodel.Bundle // for methods that need float32; nil: bundle is float32
	part     part
	classes  []int // to explain
	concepts *dataset.Folder
	images   []global.Image
	means    []*global.ClassMean // by index in classes
	tcav     *global.TCAV        // nil: not requested
	result   *Global
}

func (o GlobalOptions) open(ctx context.Context) (*globalJob, error) {
	bundle, precision, err := openFor(o.Model, jobExplain, o.Machine.Config(o.Settings.Precision))
	if err != nil {
		return nil, err
	}
	if err := refuseSeveral(&bundle.Metadata, "explain-global"); err != nil {
		bundle.Close()
		return nil, err
	}
	o.Settings.Precision = precision
	g := &globalJob{GlobalOptions: o, bundle: bundle}
	if err := g.resolve(ctx); err != nil {
		bundle.Close()
		return nil, err
	}
	return g, nil
}

func (g *globalJob) close() {
	g.bundle.Close()
	if g.exact != nil {
		g.exact.Close()
	}
}

// resolve checks the options against the model, and finds the images.
func (g *globalJob) resolve(ctx context.Context) (err error) {
	if g.Settings.Layer == "" {
		g.Settings.Layer = g.bundle.Metadata.Explain
	}
	if g.Settings.Layer == "" && g.makes(global.MethodTCAV) {
		return fmt.Errorf("%s needs a layer with a map and a gradient, and this model has none", global.MethodTCAV)
	}
	if g.Settings.Layer != "" {
		if err := g.bundle.CheckLayer(g.Settings.Layer); err != nil {
			return err
		}
	}
	if g.Settings.Model, err = fingerprint(g.Model); err != nil {
		return err
	}
	g.part, err = EvaluateOptions{Model: g.Model, Data: g.Data, Part: g.Part, Machine: g.Machine}.part(ctx, g.bundle)
	if err != nil {
		return err
	}
	g.Listener.Note(g.part.notes...)
	g.part = g.part.known()
	if err := g.chooseClasses(); err != nil {
		return err
	}
	for range g.classes {
		g.means = append(g.means, &global.ClassMean{})
	}
	if g.makes(global.MethodTCAV) {
		g.concepts, err = dataset.Scan(ctx, g.Concepts, dataset.ScanOptions{Limits: g.part.limits, Workers: g.Machine.Workers, Unsplit: true})
		if err != nil {
			return fmt.Errorf("concepts: %w", err)
		}
		g.tcav = &global.TCAV{
			Layer: g.Settings.Layer, Pooled: g.Global.Pooled, Train: global.CAVs{Experiments: g.Global.Experiments, Seed: g.Settings.Seed},
		}
	}
	names := g.methods()
	for i, name := range g.GlobalOptions.methods() {
		if names[i] != name {
			g.Listener.Note(fmt.Sprintf("%s needs %s: %s makes its maps", name, methods.Need(g.bundle, name), names[i]))
		}
	}
	g.result = &Global{
		Format: 1, Part: g.Part, Settings: g.Settings, Global: g.Global,
		AverageMethod: names[0], MapMethod: names[1], MapSigned: g.signed(),
		Classes: g.bundle.Metadata.Classes, Unreadable: len(g.part.unreadable),
	}
	g.Listener.Note(dataset.LeftOut(g.part.unreadable)...)
	return nil
}

// chooseClasses sets the classes to explain: the given one, or all that have images.
func (g *globalJob) chooseClasses() error {
	has := func(class int) bool {
		return slices.ContainsFunc(g.part.items, func(i dataset.Item) bool { return i.Class == class })
	}
	if g.Settings.Class == TargetAll {
		for class := range g.bundle.Metadata.Classes {
			if has(class) {
				g.classes = append(g.classes, class)
			}
		}
		return nil
	}
	class, err := g.bundle.Metadata.Class(g.Settings.Class)
	if err != nil {
		return fmt.Errorf("%w, or %s", err, TargetAll)
	}
	if !has(class) {
		return fmt.Errorf("%s has no images of class %s", g.part.root, g.Settings.Class)
	}
	g.classes = []int{class}
	return nil
}

// methods returns the method of the averages and that of the other maps, "" for one that is not
// needed.
func (o GlobalOptions) methods() (names [2]string) {
	if o.makes(global.MethodAverages) {
		names[0] = cmp.Or(o.Settings.Method, "gradcam")
	}
	if o.makes(global.MethodSpRAy) || o.makes(global.MethodTree) {
		names[1] = cmp.Or(o.Settings.Method, "lrp")
	}
	return names
}

// methods returns the options' methods, with other defaults for some models. An adopted model has no
// LRP: its default is gradient times input, which equals LRP-0 for layers without bias. A model
// without gradients uses its own default.
func (g *globalJob) methods() (names [2]string) {
	names = g.GlobalOptions.methods()
	if g.Settings.Method != "" {
		return names
	}
	lacking := methods.Lacking(g.bundle)
	for i, instead := range []string{methods.Default(g.bundle, g.Settings.Layer), "gradient-x-input"} {
		if slices.Contains(lacking, instead) {
			instead = methods.Default(g.bundle, g.Settings.Layer)
		}
		if names[i] != "" && slices.Contains(lacking, names[i]) {
			names[i] = instead
		}
	}
	return names
}

// signed reports whether negative values of the clustered maps are evidence against the class.
func (g *globalJob) signed() bool {
	m, err := methods.Lookup(g.methods()[1])
	return err == nil && m.Signed
}

// explain does the work and writes the results.
func (g *globalJob) explain(ctx context.Context) (*Global, error) {
	if err := g.learnConcepts(ctx); err != nil {
		return nil, err
	}
	if err := g.explainImages(ctx); err != nil {
		return nil, err
	}
	names, spray := g.result.Classes, global.SpRAy{Side: g.Global.Side, Neighbors: g.Global.Neighbors, Seed: g.Settings.Seed}
	if g.makes(global.MethodAverages) {
		for i, class := range g.classes {
			g.result.Averages = append(g.result.Averages, g.means[i].Average(g.images, class, names[class]))
		}
	}
	if g.makes(global.MethodSpRAy) {
		g.Listener.Stage("clustering maps")
		for i, class := range g.classes {
			strategies, err := spray.Class(ctx, g.images, class, names[class])
			if err != nil {
				return nil, err
			}
			g.result.SpRAy = append(g.result.SpRAy, strategies)
			g.Listener.Count(i+1, len(g.classes))
		}
	}
	if g.makes(global.MethodTree) {
		g.Listener.Stage("growing the tree")
		var err error
		g.result.Tree, err = global.Imitate(ctx, g.images, names, spray, global.TreeOptions{Depth: g.Global.Depth, MinLeaf: g.Global.MinLeaf})
		if err != nil {
			return nil, err
		}
	}
	if g.tcav != nil {
		g.result.TCAV = g.tcav.Compare(names, g.classes)
	}
	g.Listener.Stage("drawing")
	return g.result, g.write(ctx)
}

// write writes all results, or none after an error.
func (g *globalJob) write(ctx context.Context) error {
	err := atomicfile.Into(g.Out, globalFile, func(dir string) error {
		if err := g.draw(ctx, dir); err != nil {
			return err
		}
		if err := result.RecordCommand(ctx, dir); err != nil {
			return err
		}
		if err := atomicfile.WriteJSON(filepath.Join(dir, globalFile), g.result); err != nil {
			return err
		}
		return checksum.Seal(dir)
	})
	if file, ok := errors.AsType[*os.PathError](err); ok {
		return fmt.Errorf("cannot write %s: %w", g.Out, file.Err) // the file's path is temporary
	}
	return err
}

// draw writes pictures and maps.
func (g *globalJob) draw(ctx context.Context, dir string) (err error) {
	d, in := g.drawing(dir), g.bundle.Metadata.Image
	var lacking spelling
	for _, class := range g.classes {
		lacking.class(g.result.Classes[class], g.result.Classes)
	}
	g.Listener.Note(lacking.notes()...)
	if g.result.Averages != nil {
		err = d.WriteAverages(g.result.Averages, g.means, in.Height, in.Width)
	}
	if err == nil && g.result.SpRAy != nil {
		err = d.WriteSpRAy(ctx, g.result.SpRAy, g.images)
	}
	if err == nil && g.result.Tree != nil && g.result.Tree.Tree != nil {
		err = d.WriteTree(g.result.Tree)
	}
	return cmp.Or(err, ctx.Err())
}

func (g *globalJob) drawing(dir string) global.Drawing {
	d := global.Drawing{
		Dir: dir, Colors: colorMap(g.Settings.ColorMap), Diverging: colorMap(g.Settings.SignedColorMap), Alpha: g.Settings.Alpha,
		Framing: Framing(g.bundle.Metadata.Image),
		Name:    func(class string) string { return spelledClass(class, g.result.Classes) },
		Photo: func(path string) (*image.RGBA, error) {
			photo, err := dataset.DecodeFile(filepath.Join(g.part.root, filepath.FromSlash(path)), g.part.limits)
			if err != nil {
				return nil, err
			}
			return reduced(photo), nil
		},
	}
	if g.signed() {
		d.Colors = d.Diverging
	}
	return d
}

// colorMap returns the color map of a checked name.
func colorMap(name string) heatmap.ColorMap {
	out, err := heatmap.LookupColorMap(name)
	if err != nil {
		panic("pipeline: " + err.Error())
	}
	return out
}
