package pipeline

import (
	"encoding/csv"
	"errors"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"oscar/heatmap"
	"oscar/internal/atomicfile"
	"oscar/internal/text"
	"oscar/metric"
)

// ClassCurves are the ROC curves of each class against the rest.
type ClassCurves struct {
	classes []string // the classes with a curve
	curves  []metric.ROC
	Absent  []string // classes without a curve: no image has them, or all images have
	Macro   float64  // the mean area
}

// NewClassCurves returns the curves of an evaluation with probabilities. It leaves out images of
// unknown class and images without a finite prediction.
func NewClassCurves(e *Evaluation) (*ClassCurves, error) {
	out := &ClassCurves{}
	for c, name := range e.Confusion.Classes {
		var scores []float64
		var positive []bool
		for _, line := range e.Classifications {
			if len(line.Probabilities) == 0 || line.Truth == "" && e.MultiLabel == nil {
				continue
			}
			scores = append(scores, float64(line.Probabilities[c]))
			positive = append(positive, line.Truth == name || slices.Contains(line.Labels, name))
		}
		curve := metric.NewROC(scores, positive)
		if math.IsNaN(curve.AUC) {
			out.Absent = append(out.Absent, name)
			continue
		}
		out.classes, out.curves = append(out.classes, name), append(out.curves, curve)
		out.Macro += curve.AUC
	}
	if len(out.curves) == 0 {
		return nil, errors.New("no ROC curve: it needs images of two classes at least")
	}
	out.Macro /= float64(len(out.curves))
	return out, nil
}

// Write writes the curves to a new file: as CSV with a row for each point of a curve, or as
// a PNG picture.
func (c *ClassCurves) Write(path string) error {
	if err := CheckFigureFile(path); err != nil {
		return err
	}
	return atomicfile.Output(path, func(f *os.File) error {
		if strings.EqualFold(filepath.Ext(path), ".png") {
			var lines []heatmap.Curve
			for i, curve := range c.curves {
				lines = append(lines, heatmap.Curve{Name: c.classes[i], X: curve.FalsePositive, Y: curve.TruePositive, Area: curve.AUC})
			}
			return png.Encode(f, heatmap.ROC(lines, c.Macro))
		}
		rows := [][]string{{"class", "auc", "threshold", "false_positive_rate", "true_positive_rate"}}
		for i, curve := range c.curves {
			for k, threshold := range curve.Thresholds {
				row := []string{text.Cell(c.classes[i])}
				for _, v := range []float64{curve.AUC, threshold, curve.FalsePositive[k], curve.TruePositive[k]} {
					row = append(row, strings.ToLower(strings.TrimPrefix(strconv.FormatFloat(v, 'g', -1, 64), "+")))
				}
				rows = append(rows, row)
			}
		}
		return csv.NewWriter(f).WriteAll(rows)
	})
}
