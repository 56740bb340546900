package score

import (
	"bytes"
	"encoding/json"
	"math"

	"oscar/explain"
)

// Why a metric could not judge an image, beside the states of a map:
// [explain.Empty], [explain.Constant], [explain.NonFinite].
const (
	NoScore   explain.Status = "score<=0"  // the class had no probability to lose
	Saturated explain.Status = "score>=1"  // the class had no probability to gain
	NoMask    explain.Status = "no_mask"   // the mask holds no pixel, so that there is nothing to hit
	TooSmall  explain.Status = "too_small" // the image is smaller than the metric's window
)

// Value is what a metric says of one explanation.
type Value struct {
	Value  Number         `json:"value"` // NaN unless Status is explain.OK
	Status explain.Status `json:"status"`
	Class  int            `json:"class"` // the class explained
}

// OK says whether there is a value.
func (v Value) OK() bool { return v.Status == explain.OK }

// judged is a value, if it is finite.
func judged(x float64) Value {
	if math.IsNaN(x) || math.IsInf(x, 0) {
		return unjudged(explain.NonFinite)
	}
	return Value{Value: Number(x), Status: explain.OK}
}

func unjudged(why explain.Status) Value {
	return Value{Value: Number(math.NaN()), Status: why}
}

// Values are one value an image, by the name of the metric; of the sanity check
// also at each layer, by [at].
type Values map[string][]Value

// orderable judges a map that is to be ranked: it must have two values at
// least. Unlike [explain.StatusOf] it lets a map pass that is negative
// everywhere.
func orderable(g explain.Grid) explain.Status {
	status := weighable(g)
	if status != explain.OK {
		return status
	}
	if low, high := g.Range(); low == high {
		return explain.Constant
	}
	return explain.OK
}

// weighable judges a map whose magnitudes are used: it must not be zero
// everywhere.
func weighable(g explain.Grid) explain.Status {
	low, high := g.Range()
	switch {
	case low != low || math.IsInf(float64(low), 0) || math.IsInf(float64(high), 0):
		return explain.NonFinite
	case low == 0 && high == 0:
		return explain.Empty
	}
	return explain.OK
}

// Number is a float64 that may be NaN or infinite, also in JSON: null,
// "inf" and "-inf".
type Number float64

// MarshalJSON writes the number.
func (n Number) MarshalJSON() ([]byte, error) {
	switch x := float64(n); {
	case math.IsNaN(x):
		return []byte("null"), nil
	case math.IsInf(x, 1):
		return []byte(`"inf"`), nil
	case math.IsInf(x, -1):
		return []byte(`"-inf"`), nil
	default:
		return json.Marshal(x)
	}
}

// UnmarshalJSON reads what MarshalJSON writes.
func (n *Number) UnmarshalJSON(data []byte) error {
	switch {
	case bytes.Equal(data, []byte("null")):
		*n = Number(math.NaN())
	case bytes.Equal(data, []byte(`"inf"`)):
		*n = Number(math.Inf(1))
	case bytes.Equal(data, []byte(`"-inf"`)):
		*n = Number(math.Inf(-1))
	default:
		return json.Unmarshal(data, (*float64)(n))
	}
	return nil
}
