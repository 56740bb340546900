package explain_test

import (
	"testing"

	"oscar/internal/agreement"
)

func TestMain(m *testing.M) { agreement.Main(m) }

// identity notes a line of docs/correctness.md: two ways to the same numbers.
func identity[G, W float32 | float64](t *testing.T, method, other, compared string, got []G, want []W, bound float64) {
	t.Helper()
	agreement.Check(t, agreement.Line{
		Group: agreement.Identities, Subject: method, Model: "hand-made", Oracle: other, Compared: compared,
		Difference: agreement.Apart(got, want), Of: "the largest value", Bound: bound,
	})
}
