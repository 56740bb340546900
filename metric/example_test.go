package metric_test

import (
	"fmt"

	"oscar/metric"
)

func Example() {
	confusion := metric.NewConfusion([]string{"glass", "metal"})
	for _, image := range []struct{ truth, predicted int }{{0, 0}, {0, 0}, {0, 1}, {1, 1}} {
		if err := confusion.Add(image.truth, image.predicted); err != nil {
			fmt.Println(err)
			return
		}
	}
	low, high := metric.Wilson95(confusion.Correct(), confusion.Total())
	fmt.Printf("accuracy %.2f (95 %% interval %.2f to %.2f)\n", confusion.Accuracy(), low, high)
	for _, class := range confusion.PerClass() {
		fmt.Printf("%s: precision %.2f, recall %.2f, F1 %.2f of %d\n", class.Class, class.Precision, class.Recall, class.F1, class.Support)
	}
	// Output:
	// accuracy 0.75 (95 % interval 0.30 to 0.95)
	// glass: precision 1.00, recall 0.67, F1 0.80 of 3
	// metal: precision 0.50, recall 1.00, F1 0.67 of 1
}
