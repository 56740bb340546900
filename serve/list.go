package serve

import (
	"encoding/csv"
	"math"
	"net/http"
	"strconv"

	"oscar/internal/text"
)

// listCSV sends all entries of a collection that a filter selects, as CSV.
func (s *Server) listCSV(w http.ResponseWriter, r *http.Request) {
	c, err := s.collection(r.PathValue("name"))
	if err != nil {
		fail(w, err)
		return
	}
	f := filterOf(r.URL.Query())
	if f.err != nil {
		fail(w, badRequest{f.err})
		return
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8")
	w.Header().Set("Content-Disposition", `attachment; filename="list.csv"`)
	out := csv.NewWriter(w)
	out.Write([]string{"image", "truth", "predicted", "probability", "part", "status", "method", "layer", "target", "border_share"})
	entries, _ := c.list()
	for _, i := range f.apply(entries) {
		e := entries[i]
		probability := ""
		if e.Predicted != "" {
			probability = strconv.FormatFloat(float64(e.Probability), 'g', -1, 32)
		}
		border := ""
		if !math.IsNaN(e.Border) {
			border = strconv.FormatFloat(e.Border, 'g', 4, 64)
		}
		row := []string{e.Name, e.Truth, e.Predicted, probability, e.Part, e.Status, e.Method, e.Layer, e.Target, border}
		for k := range row {
			row[k] = text.Cell(row[k])
		}
		out.Write(row)
	}
	out.Flush()
}
