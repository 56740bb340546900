package gradcam

import (
	"context"
	"fmt"
	"strings"

	"oscar/explain"
)

// A Method makes a signed, unscaled map [H,W] of one image from a layer's
// activations and the gradients of a class score with respect to them, both
// [H,W,C]. It is called for several images of a batch at a time.
type Method func(activations, gradients explain.Volume) explain.Grid

// A MaskMethod makes such a map by showing the model the image again, masked.
type MaskMethod func(ctx context.Context, model explain.Predictor, view View) (explain.Grid, error)

// A HeadMethod makes such a map by running the model again from the layer on.
type HeadMethod func(ctx context.Context, model explain.Head, view View) (explain.Grid, error)

// An Entry is a line in the table of methods. One of Method, Mask and Head is
// set: what it asks of a model beside the one run for activations and gradients.
type Entry struct {
	Name     string     // as in explain.Attribution.Method
	Method   Method     // nothing more
	Mask     MaskMethod // a run for every channel: an explain.Predictor
	Head     HeadMethod // a run for every channel from the layer on: an explain.Head
	AnyClass bool       // the map is of the activations alone, the same for every class
	Paper    string     // where the equation is
}

// Methods is the table of methods, in the order of their help text. It is not
// to be changed at run time.
var Methods = []Entry{
	{Name: "gradcam", Method: GradCAM, Paper: "Selvaraju et al. 2017, arXiv:1610.02391, eq. 1-2"},
	{Name: "gradcam++", Method: GradCAMPlusPlus, Paper: "Chattopadhyay et al. 2018, arXiv:1710.11063, eq. 19"},
	{Name: "hirescam", Method: HiResCAM, Paper: "Draelos and Carin 2020, arXiv:2011.08891"},
	{Name: "layercam", Method: LayerCAM, Paper: "Jiang et al. 2021, IEEE TIP 30, doi:10.1109/TIP.2021.3089943"},
	{Name: "xgradcam", Method: XGradCAM, Paper: "Fu et al. 2020, arXiv:2008.02312"},
	{Name: "eigencam", Method: EigenCAM, AnyClass: true, Paper: "Muhammad and Yeasin 2020, arXiv:2008.00299"},
	{Name: "scorecam", Mask: ScoreCAM, Paper: "Wang et al. 2020, arXiv:1910.01279"},
	{Name: "ablationcam", Head: AblationCAM, Paper: "Desai and Ramaswamy 2020, WACV"},
}

// Lookup finds a method by name, or says which there are.
func Lookup(name string) (Entry, error) {
	names := make([]string, len(Methods))
	for i, entry := range Methods {
		if entry.Name == name {
			return entry, nil
		}
		names[i] = entry.Name
	}
	return Entry{}, fmt.Errorf("no CAM method %q; have %s", name, strings.Join(names, ", "))
}

// bound is a method as run on a model.
type bound func(context.Context, View) (explain.Grid, error)

// bind binds the method to a model, or says what the model cannot do.
func (e Entry) bind(model explain.Differentiator) (bound, error) {
	switch {
	case e.Method != nil:
		return func(_ context.Context, view View) (explain.Grid, error) {
			return e.Method(view.Activations, view.Gradients), nil
		}, nil
	case e.Mask != nil:
		predictor, ok := model.(explain.Predictor)
		if !ok {
			return nil, fmt.Errorf("%s shows the model masked images; %T is no explain.Predictor", e.Name, model)
		}
		return func(ctx context.Context, view View) (explain.Grid, error) {
			return e.Mask(ctx, predictor, view)
		}, nil
	case e.Head != nil:
		head, ok := model.(explain.Head)
		if !ok {
			return nil, fmt.Errorf("%s runs the model from a layer on; %T is no explain.Head", e.Name, model)
		}
		return func(ctx context.Context, view View) (explain.Grid, error) {
			return e.Head(ctx, head, view)
		}, nil
	}
	return nil, fmt.Errorf("the entry %q has no method", e.Name)
}
