package score

import (
	"bytes"
	"encoding/json"
	"math"

	"oscar/explain"
	"oscar/internal/jsonerror"
	"oscar/internal/numeric"
)

// The reasons why a metric could not judge an image, in addition to the statuses of a map
// ([explain.Empty], [explain.Constant], [explain.NonFinite]).
const (
	NoScore   explain.Status = "score<=0"  // the class has no probability to lose
	Saturated explain.Status = "score>=1"  // the class has no probability to gain
	NoMask    explain.Status = "no_mask"   // the mask has no pixel
	TooSmall  explain.Status = "too_small" // the image is smaller than the metric's window
)

// Value is a metric's value of one explanation.
type Value struct {
	Value  Number         `json:"value"` // NaN unless Status is explain.OK
	Status explain.Status `json:"status"`
	Class  int            `json:"class"` // the explained class
}

// OK reports whether there is a value.
func (v Value) OK() bool { return v.Status == explain.OK }

// judged returns x as a value; unjudged if x is not finite.
func judged(x float64) Value {
	if !numeric.Finite(x) {
		return unjudged(explain.NonFinite)
	}
	return Value{Value: Number(x), Status: explain.OK}
}

func unjudged(why explain.Status) Value {
	return Value{Value: Number(math.NaN()), Status: why}
}

// Values has one value per image, by metric name. The sanity check also has values for each layer,
// see [at].
type Values map[string][]Value

// rankable returns the status of a map that will be ranked: two values must differ. Unlike
// [explain.StatusOf] it is OK if all values are negative.
func rankable(g explain.Grid) explain.Status {
	status := nonZero(g)
	if status != explain.OK {
		return status
	}
	if low, high := g.Range(); low == high {
		return explain.Constant
	}
	return explain.OK
}

// nonZero returns the status of a map whose magnitudes are read: one value must be nonzero.
func nonZero(g explain.Grid) explain.Status {
	low, high := g.Range()
	switch {
	case low != low || math.IsInf(float64(low), 0) || math.IsInf(float64(high), 0):
		return explain.NonFinite
	case low == 0 && high == 0:
		return explain.Empty
	}
	return explain.OK
}

// Number is a float64 that may be NaN or infinite. In JSON these are null, "inf" and "-inf".
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

// UnmarshalJSON reads the output of MarshalJSON.
func (n *Number) UnmarshalJSON(data []byte) error {
	switch {
	case bytes.Equal(data, []byte("null")):
		*n = Number(math.NaN())
	case bytes.Equal(data, []byte(`"inf"`)):
		*n = Number(math.Inf(1))
	case bytes.Equal(data, []byte(`"-inf"`)):
		*n = Number(math.Inf(-1))
	default:
		return jsonerror.Plain(json.Unmarshal(data, (*float64)(n)))
	}
	return nil
}
