package result

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"

	"oscar/internal/text"
)

// Prediction is a model's prediction for an image file of unknown class.
type Prediction struct {
	Path        string   `json:"path"`        // as the file was found
	Class       string   `json:"class"`       // the most probable; "" if the status is not ok
	Probability *float32 `json:"probability"` // of Class; null if the status is not ok
	Top         []Ranked `json:"top"`         // the most probable classes, Class first
	// Entropy is the entropy of the probabilities, -sum p ln p, in nats: 0 if the model is certain,
	// ln(classes) if all classes are equally probable. It is null if the status is not ok.
	Entropy *float64 `json:"entropy"`
	// Labels are the classes that reach their thresholds, the most probable first, for several labels
	// per image; nil: one class per image.
	Labels []Ranked `json:"labels,omitzero"`
	Status string   `json:"status"` // ok, unreadable or non_finite
	Reason string   `json:"reason"` // the reason if the status is not ok
}

// Ranked is a class and its probability.
type Ranked struct {
	Class       string  `json:"class"`
	Probability float32 `json:"probability"`
}

// PredictionWriter writes predictions immediately, one line each.
type PredictionWriter struct {
	to     io.Writer
	asJSON bool
	top    int
	begun  bool
	line   bytes.Buffer
}

// NewPredictionWriter returns a writer of JSON lines, or of CSV with the columns of
// [predictionColumns]. In CSV a text that a spreadsheet would read as a formula gets an apostrophe.
// Bytes that are not UTF-8 become U+FFFD in both formats.
func NewPredictionWriter(to io.Writer, asJSON bool, top int) *PredictionWriter {
	return &PredictionWriter{to: to, asJSON: asJSON, top: top}
}

// PredictionsAreJSON reports whether a file has the suffix of JSON lines; the
// other format is CSV.
func PredictionsAreJSON(path string) (bool, error) {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".csv":
		return false, nil
	case ".jsonl":
		return true, nil
	}
	return false, fmt.Errorf("%s: want a name that ends with .csv or .jsonl, or - for CSV on standard output", path)
}

// predictionColumns returns the columns of CSV: path; labels (joined by |) with several labels per
// image; class, probability, class_2, probability_2 and so on, for top classes; entropy, status,
// reason.
func predictionColumns(top int, several bool) []string {
	columns := []string{"path"}
	if several {
		columns = append(columns, "labels")
	}
	columns = append(columns, "class", "probability")
	for i := 2; i <= top; i++ {
		columns = append(columns, fmt.Sprintf("class_%d", i), fmt.Sprintf("probability_%d", i))
	}
	return append(columns, "entropy", "status", "reason")
}

// begin writes the header of CSV before the first line.
func (w *PredictionWriter) begin(several bool) error {
	if w.begun || w.asJSON {
		return nil
	}
	w.begun = true
	return w.row(predictionColumns(w.top, several))
}

// Write writes a line.
func (w *PredictionWriter) Write(p Prediction) error {
	if w.asJSON {
		w.line.Reset()
		encoder := json.NewEncoder(&w.line)
		encoder.SetEscapeHTML(false)
		if err := encoder.Encode(p); err != nil {
			return err
		}
		_, err := w.to.Write(w.line.Bytes())
		return err
	}
	if err := w.begin(p.Labels != nil); err != nil {
		return err
	}
	row := []string{cell(p.Path)}
	if p.Labels != nil {
		var labels []string
		for _, l := range p.Labels {
			labels = append(labels, l.Class)
		}
		row = append(row, cell(strings.Join(labels, "|")))
	}
	for i := range w.top {
		if i < len(p.Top) {
			row = append(row, cell(p.Top[i].Class), strconv.FormatFloat(float64(p.Top[i].Probability), 'g', -1, 32))
		} else {
			row = append(row, "", "")
		}
	}
	entropy := ""
	if p.Entropy != nil {
		entropy = strconv.FormatFloat(*p.Entropy, 'g', -1, 64)
	}
	return w.row(append(row, entropy, p.Status, cell(p.Reason)))
}

func cell(s string) string { return text.Cell(strings.ToValidUTF8(s, "\uFFFD")) }

// row writes a complete line at once, as [text.Writer] requires.
func (w *PredictionWriter) row(cells []string) error {
	w.line.Reset()
	lines := csv.NewWriter(&w.line)
	if err := lines.Write(cells); err != nil {
		return err
	}
	lines.Flush()
	_, err := w.to.Write(w.line.Bytes())
	return err
}
