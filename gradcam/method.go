package gradcam

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/internal/named"
)

// A CAM computes a signed, unscaled map [H,W] of one image from a layer's
// activations and the gradients of a class score with respect to them, both
// [H,W,C]. It is called for several images concurrently.
type CAM func(activations, gradients explain.Volume) explain.Grid

// A MaskCAM computes such a map by running the model on masked copies of the image.
type MaskCAM func(ctx context.Context, model explain.Predictor, view View) (explain.Grid, error)

// A HeadCAM computes such a map by running the model again from the layer on.
type HeadCAM func(ctx context.Context, model explain.Head, view View) (explain.Grid, error)

// An Entry is a line in the table of methods. Exactly one of CAM, Mask and Head
// is set. A Mask or a Head runs the model about once for every channel, after
// the run for activations and gradients.
type Entry struct {
	explain.Method
	CAM  CAM
	Mask MaskCAM
	Head HeadCAM
}

// Methods is the table of methods, in the order of their help text. Do not
// change it at run time.
var Methods = []Entry{
	{CAM: GradCAM, Method: explain.Method{
		Name: "gradcam", Paper: "Selvaraju et al. 2017, arXiv:1610.02391, eq. 1-2",
		At: explain.AtLayer, Score: explain.Logit, Needs: explain.Differentiates}},
	{CAM: GradCAMPlusPlus, Method: explain.Method{
		Name: "gradcam++", Paper: "Chattopadhyay et al. 2018, arXiv:1710.11063, eq. 19",
		At: explain.AtLayer, Score: explain.Logit, Needs: explain.Differentiates, NonNegative: true}},
	{CAM: HiResCAM, Method: explain.Method{
		Name: "hirescam", Paper: "Draelos and Carin 2020, arXiv:2011.08891",
		At: explain.AtLayer, Score: explain.Logit, Needs: explain.Differentiates, Exact: true}},
	{CAM: LayerCAM, Method: explain.Method{
		Name: "layercam", Paper: "Jiang et al. 2021, IEEE TIP 30, doi:10.1109/TIP.2021.3089943",
		At: explain.AtLayer, Score: explain.Logit, Needs: explain.Differentiates, NonNegative: true, Exact: true}},
	{CAM: XGradCAM, Method: explain.Method{
		Name: "xgradcam", Paper: "Fu et al. 2020, arXiv:2008.02312",
		At: explain.AtLayer, Score: explain.Logit, Needs: explain.Differentiates}},
	{CAM: EigenCAM, Method: explain.Method{
		Name: "eigencam", Paper: "Muhammad and Yeasin 2020, arXiv:2008.00299",
		At: explain.AtLayer, Needs: explain.Differentiates, ClassAgnostic: true}},
	{Mask: ScoreCAM, Method: explain.Method{
		Name: "scorecam", Paper: "Wang et al. 2020, arXiv:1910.01279",
		At: explain.AtLayer, Score: explain.Logit, Needs: explain.Differentiates | explain.Predicts, NonNegative: true}},
	{Head: AblationCAM, Method: explain.Method{
		Name: "ablationcam", Paper: "Desai and Ramaswamy 2020, WACV",
		At: explain.AtLayer, Score: explain.Logit, Needs: explain.Differentiates | explain.RunsFromLayer, Exact: true}},
}

// Lookup returns the entry of a name. Its error lists the names.
func Lookup(name string) (Entry, error) {
	return named.Find("CAM method", name, Methods, func(e Entry) string { return e.Name })
}

// bind returns the method as a function of the view, run on the model. It returns an
// error if the model lacks an ability.
func (e Entry) bind(model explain.Differentiator) (func(context.Context, View) (explain.Grid, error), error) {
	switch {
	case e.CAM != nil:
		return func(_ context.Context, view View) (explain.Grid, error) {
			return e.CAM(view.Activations, view.Gradients), nil
		}, nil
	case e.Mask != nil:
		predictor, ok := model.(explain.Predictor)
		if !ok {
			return nil, fmt.Errorf("%s shows the model masked images; %T is not an explain.Predictor", e.Name, model)
		}
		return func(ctx context.Context, view View) (explain.Grid, error) {
			return e.Mask(ctx, predictor, view)
		}, nil
	case e.Head != nil:
		head, ok := model.(explain.Head)
		if !ok {
			return nil, fmt.Errorf("%s runs the model from a layer on; %T is not an explain.Head", e.Name, model)
		}
		return func(ctx context.Context, view View) (explain.Grid, error) {
			return e.Head(ctx, head, view)
		}, nil
	}
	return nil, fmt.Errorf("the entry %q has no method", e.Name)
}

// channelRuns returns the approximate number of images or activations that the method runs the model
// on.
func (e Entry) channelRuns(activations explain.Volume) int {
	if e.CAM != nil {
		return 0
	}
	return activations.Channels
}
