package pipeline

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"oscar/dataset"
	"oscar/internal/numeric"
	"oscar/metric"
	"oscar/result"
	"oscar/savedmodel"
)

// thresholds returns the labels' thresholds with the best F1 on the validation part after an epoch,
// or 0.5 without this part. It returns nil if images have one class each.
func (r *Run) thresholds(epoch int) (*savedmodel.MultiLabel, error) {
	if !r.Split.MultiLabel {
		return nil, nil
	}
	out := &savedmodel.MultiLabel{Thresholds: slices.Repeat([]float64{0.5}, len(r.Split.Classes))}
	epochs, err := r.Metrics()
	if err != nil {
		return nil, err
	}
	if epoch <= len(epochs) && len(epochs[epoch-1].Thresholds) == len(out.Thresholds) {
		out.Thresholds = epochs[epoch-1].Thresholds
	}
	return out, nil
}

// checkLabels returns an error if the data has several labels per image and the model has one class
// per image, or the reverse.
func checkLabels(meta *savedmodel.Metadata, several bool, data string) error {
	switch {
	case several && meta.MultiLabel == nil:
		return fmt.Errorf("the images of %s have several labels, and the model gives each image one class; name a column with --columns label=NAME", data)
	case !several && meta.MultiLabel != nil:
		return fmt.Errorf("images of this model have several labels, and those of %s one class each; name a table, and its columns with --columns labels=NAMES", data)
	}
	return nil
}

// refuseSeveral returns an error for a model with several labels per image, in a job that needs one
// class per image.
func refuseSeveral(meta *savedmodel.Metadata, job string) error {
	if meta.MultiLabel == nil {
		return nil
	}
	return fmt.Errorf("oscar %s needs one class per image, and images of this model have several labels (%s)", job, strings.Join(meta.Classes, ", "))
}

// labelCounts evaluates a model with several labels per image.
type labelCounts struct {
	classes    []string
	thresholds []float64
	counts     *metric.MultiLabel
	scores     [][]float64 // per label
	present    [][]bool
	loss       float64
}

// newLabelCounts returns nil for a model with one class per image.
func newLabelCounts(meta *savedmodel.Metadata) *labelCounts {
	if meta.MultiLabel == nil {
		return nil
	}
	n := len(meta.Classes)
	return &labelCounts{
		classes: meta.Classes, thresholds: meta.MultiLabel.Thresholds, counts: metric.NewMultiLabel(meta.Classes),
		scores: make([][]float64, n), present: make([][]bool, n),
	}
}

// add counts an image.
func (l *labelCounts) add(e *Evaluation, item dataset.Item, logits, probabilities []float32) {
	line := result.Classification{Image: item.Path, SHA256: item.SHA256, Loss: result.Number(math.NaN())}
	for _, class := range item.Labels {
		line.Labels = append(line.Labels, l.classes[class])
	}
	if slices.ContainsFunc(probabilities, func(p float32) bool { return finite(p) == nil }) {
		e.NotFinite++
		e.Classifications = append(e.Classifications, line)
		return
	}
	has, said := make([]bool, len(l.classes)), make([]bool, len(l.classes))
	for _, class := range item.Labels {
		has[class] = true
	}
	for c, p := range probabilities {
		if said[c] = float64(p) >= l.thresholds[c]; said[c] {
			line.PredictedLabels = append(line.PredictedLabels, l.classes[c])
		}
		l.scores[c], l.present[c] = append(l.scores[c], float64(p)), append(l.present[c], has[c])
	}
	top := numeric.ArgMax(probabilities)
	line.Predicted, line.Probability = l.classes[top], finite(probabilities[top])
	loss := binaryCrossEntropy(logits, has)
	line.Loss = result.Number(loss)
	l.loss += loss
	l.counts.Add(has, said)
	e.Classifications = append(e.Classifications, line)
}

// conclude sets the metrics of the evaluation.
func (l *labelCounts) conclude(e *Evaluation) {
	e.Images, e.PerClass = l.counts.Images, l.counts.PerClass()
	e.MultiLabel = &result.MultiLabel{}
	if e.Images == 0 {
		nan := result.Number(math.NaN())
		e.Accuracy, e.Interval, e.Loss, e.MacroF1 = nan, [2]result.Number{nan, nan}, nan, nan
		e.MultiLabel.MeanAveragePrecision, e.MultiLabel.MicroF1 = nan, nan
		return
	}
	low, high := metric.Wilson95(l.counts.Exact, e.Images)
	e.Accuracy, e.Interval = result.Number(float64(l.counts.Exact)/float64(e.Images)), [2]result.Number{result.Number(low), result.Number(high)}
	e.Loss, e.MacroF1 = result.Number(l.loss/float64(e.Images)), result.Number(l.counts.MacroF1())
	sum := 0.0
	for c, s := range e.PerClass {
		ap := metric.AveragePrecision(l.scores[c], l.present[c])
		sum += ap
		e.MultiLabel.Labels = append(e.MultiLabel.Labels, result.LabelScores{
			Label: s.Class, Images: s.Support, Threshold: l.thresholds[c], AveragePrecision: result.Number(ap), Precision: s.Precision, Recall: s.Recall, F1: s.F1,
		})
	}
	e.MultiLabel.MeanAveragePrecision = result.Number(sum / float64(len(l.classes)))
	e.MultiLabel.MicroF1 = result.Number(l.counts.MicroF1())
}

// binaryCrossEntropy returns the mean over the labels: -log sigmoid(z) for labels that the image
// has, and -log(1 - sigmoid(z)) for the others. The unit is nats.
func binaryCrossEntropy(logits []float32, has []bool) float64 {
	sum := 0.0
	for c, z := range logits {
		x := float64(z)
		if has[c] {
			x = -x
		}
		sum += max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) // log(1 + exp(x))
	}
	return sum / float64(len(logits))
}

// withLabels sets the labels of a prediction, the most probable first. It does nothing for a model
// with one class per image.
func withLabels(p result.Prediction, meta *savedmodel.Metadata, probabilities []float32) result.Prediction {
	if meta.MultiLabel == nil {
		return p
	}
	p.Entropy = nil // the probabilities do not sum to 1
	p.Labels = []result.Ranked{}
	if p.Class == "" {
		return p
	}
	for class, v := range probabilities {
		if float64(v) >= meta.MultiLabel.Thresholds[class] {
			p.Labels = append(p.Labels, result.Ranked{Class: meta.Classes[class], Probability: v})
		}
	}
	slices.SortStableFunc(p.Labels, func(a, b result.Ranked) int { return cmp.Compare(b.Probability, a.Probability) })
	return p
}
