package score_test

import (
	"context"
	"fmt"

	"oscar/explain"
	"oscar/score"
)

// A model that looks at one region of the image, a map that shows the region,
// and one that shows all but the region.
func Example() {
	evaluation := score.Evaluation{
		Model: &watcher{},
		Methods: []score.Method{
			{Name: "right", Explainer: fixed{mapped(1, 0)}},
			{Name: "wrong", Explainer: fixed{mapped(0, 1)}},
		},
		Metrics: []string{"deletion", "insertion"},
	}
	images := scenes(8)
	targets := []int{explain.Predicted, 1, 1, 1, 1, 1, 1, 1}
	table, err := evaluation.Run(context.Background(), score.Parts(score.Cases{Images: images, Targets: targets}))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, row := range table.Rows {
		fmt.Printf("%-6s", row.Method)
		for i, metric := range table.Metrics {
			fmt.Printf("  %s %.2f, %s is better", metric.Name, row.Cells[i].Mean, metric.Better)
		}
		fmt.Println()
	}
	for _, doubt := range table.Doubts() {
		fmt.Println(doubt.Method, "does not beat", doubt.Controls, "by", doubt.Metric)
	}
	// Output:
	// right   deletion 0.10, lower is better  insertion 0.88, higher is better
	// wrong   deletion 0.86, lower is better  insertion 0.35, higher is better
	// random  deletion 0.46, lower is better  insertion 0.65, higher is better
	// edges   deletion 0.27, lower is better  insertion 0.78, higher is better
	// wrong does not beat [random edges] by deletion
	// wrong does not beat [random edges] by insertion
}
