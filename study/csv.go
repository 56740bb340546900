package study

import (
	"bytes"
	"encoding/csv"
	"strconv"

	"oscar/internal/checksum"
	"oscar/internal/text"
	"oscar/metric"
	"oscar/result"
)

// writeCSV writes a line per run and a column per measure. Missing values are empty.
func writeCSV(dir, name string, res *result.Study) error {
	head := []string{"variant", "seed", "status", "parameters", "forecast_bytes", "epochs", "kept_epoch"}
	for _, m := range res.Measures {
		head = append(head, m.Name)
	}
	for _, class := range res.Classes {
		head = append(head, "f1_"+class)
	}
	lines := [][]string{head}
	for _, v := range res.Variants {
		for _, r := range v.Runs {
			line := []string{
				v.Name, strconv.FormatUint(r.Seed, 10), r.Status, strconv.FormatInt(v.Parameters, 10), strconv.FormatInt(v.Memory.Training, 10),
				strconv.Itoa(len(r.Epochs)), strconv.Itoa(r.Kept),
			}
			for _, m := range res.Measures {
				line = append(line, cell(r, m))
			}
			line = append(line, f1s(r, res.Classes)...)
			lines = append(lines, line)
		}
	}
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	for _, line := range lines {
		for _, i := range []int{0, 2} { // variant name and status; the other cells are numbers
			line[i] = text.Cell(line[i])
		}
	}
	if err := w.WriteAll(lines); err != nil {
		return err
	}
	return checksum.Write(dir, name, b.Bytes())
}

// f1s returns the F1 of each class on a run's test part.
func f1s(r result.Run, classes []string) []string {
	out := make([]string, len(classes))
	if r.Test == nil {
		return out
	}
	for i, s := range (&metric.Confusion{Classes: classes, Counts: r.Test.Confusion}).PerClass() {
		out[i] = strconv.FormatFloat(s.F1, 'g', -1, 64)
	}
	return out
}

func cell(r result.Run, m result.Measure) string {
	v, ok := r.Values[m.Name]
	if !ok {
		return ""
	}
	return strconv.FormatFloat(float64(v), 'g', -1, 64)
}
