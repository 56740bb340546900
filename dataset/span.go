package dataset

import (
	"encoding/json"
	"fmt"
	"math"
)

// A Span is the uniform distribution of an offset: [Low, High). In JSON it is
// [low, high], or a number x for -x to x. The zero value is no offset.
type Span struct{ Low, High float64 }

// A Factor is the uniform distribution of a factor: [Low, High). In JSON it is
// [low, high], or a number x for 1-x to 1+x. The zero value is the factor 1.
type Factor struct{ Low, High float64 }

// MarshalJSON writes [low, high].
func (s Span) MarshalJSON() ([]byte, error) { return json.Marshal([]float64{s.Low, s.High}) }

// UnmarshalJSON reads [low, high] or a number.
func (s *Span) UnmarshalJSON(b []byte) (err error) {
	s.Low, s.High, err = readSpan(b, 0)
	return err
}

// MarshalJSON writes [low, high].
func (f Factor) MarshalJSON() ([]byte, error) {
	f = f.orOne()
	return json.Marshal([]float64{f.Low, f.High})
}

// UnmarshalJSON reads [low, high] or a number.
func (f *Factor) UnmarshalJSON(b []byte) (err error) {
	f.Low, f.High, err = readSpan(b, 1)
	if err == nil && *f == (Factor{}) {
		return fmt.Errorf("got 0 to 0, want factors above 0")
	}
	return err
}

func (f Factor) orOne() Factor {
	if f == (Factor{}) {
		return Factor{1, 1}
	}
	return f
}

// readSpan reads [low, high], or a number x for middle-x to middle+x.
func readSpan(b []byte, middle float64) (low, high float64, err error) {
	var around float64
	if json.Unmarshal(b, &around) == nil && string(b) != "null" {
		return middle - math.Abs(around), middle + math.Abs(around), nil
	}
	var pair []float64
	if json.Unmarshal(b, &pair) == nil && len(pair) == 2 {
		return pair[0], pair[1], nil
	}
	return 0, 0, fmt.Errorf("got %s, want a number or [low, high]", b)
}

// draw draws from the span; it always takes one value from r.
func (s Span) draw(r *random) float64   { return r.uniform(s.Low, s.High) }
func (f Factor) draw(r *random) float64 { f = f.orOne(); return r.uniform(f.Low, f.High) }

// checkSpan returns an error for a range that is reversed or not within [least, most].
func checkSpan(name string, low, high, least, most float64) error {
	if !(low <= high && low >= least && high <= most) {
		return fmt.Errorf("%s is %g to %g, want a range within %g to %g", name, low, high, least, most)
	}
	return nil
}
