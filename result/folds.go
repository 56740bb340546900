package result

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// Files of the folder of a cross-validation, next to the folders of the runs.
const (
	FoldsFile  = "folds.json"
	FoldsTable = "predictions.csv"
)

// Folds is folds.json, a cross-validation. Its metrics are NaN until all runs are finished.
type Folds struct {
	Format  int       `json:"format"` // 1
	Data    string    `json:"data"`   // absolute
	Classes []string  `json:"classes"`
	Runs    []FoldRun `json:"runs"`
	// Accuracy, Loss and MacroF1 are over the runs.
	Accuracy Figure `json:"accuracy"`
	Loss     Figure `json:"loss"`
	MacroF1  Figure `json:"macro_f1"`
	// Together is the evaluation of all out-of-fold predictions; nil until all runs are finished.
	Together *Evaluation `json:"together"`
	Notes    []string    `json:"notes"` // notes on the images
}

// FoldRun is the run that is tested on one fold.
type FoldRun struct {
	Fold     int    `json:"fold"`   // from 1
	Run      string `json:"run"`    // its folder, relative
	Train    int    `json:"train"`  // number of training images
	Images   int    `json:"images"` // number of images of the fold
	Epoch    int    `json:"epoch"`  // best epoch on validation; 0: not finished
	Accuracy Number `json:"accuracy"`
	Loss     Number `json:"loss"`
	MacroF1  Number `json:"macro_f1"`
}

// OutOfFold is the prediction for an image by the run of its fold.
type OutOfFold struct {
	Fold int
	Classification
}

// WriteOutOfFold writes a CSV row for each image, in the order of their paths: path, truth,
// prediction, fold and the probability of each class.
func WriteOutOfFold(to io.Writer, classes []string, rows []OutOfFold) error {
	slices.SortFunc(rows, func(a, b OutOfFold) int { return strings.Compare(a.Image, b.Image) })
	w := csv.NewWriter(to)
	header := []string{"path", "truth", "prediction", "fold"}
	for _, class := range classes {
		header = append(header, "probability_"+cell(class))
	}
	if err := w.Write(header); err != nil {
		return err
	}
	for _, r := range rows {
		line := []string{cell(r.Image), cell(r.Truth), cell(r.Predicted), strconv.Itoa(r.Fold)}
		if n := len(r.Probabilities); n != 0 && n != len(classes) {
			return fmt.Errorf("%s has %d probabilities for %d classes", r.Image, n, len(classes))
		}
		for i := range classes {
			value := ""
			if len(r.Probabilities) > 0 {
				value = strconv.FormatFloat(float64(r.Probabilities[i]), 'g', -1, 32)
			}
			line = append(line, value)
		}
		if err := w.Write(line); err != nil {
			return err
		}
	}
	w.Flush()
	return w.Error()
}

// ReadFolds reads the cross-validation of a folder.
func ReadFolds(dir string) (*Folds, error) {
	f := &Folds{}
	if err := readJSON(dir, FoldsFile, f, &f.Format); err != nil {
		return nil, err
	}
	return f, nil
}
