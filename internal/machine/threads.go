package machine

import "runtime"

// Threads says how many threads a computation may use; 0 is one a processor for
// Intra, and one for Inter.
type Threads struct {
	Intra int `json:"intra"` // within one operation
	Inter int `json:"inter"` // operations that run concurrently
}

// Resolve replaces zeros by what is used.
func (t Threads) Resolve() Threads {
	if t.Intra <= 0 {
		t.Intra = runtime.NumCPU()
	}
	if t.Inter <= 0 {
		t.Inter = 1
	}
	return t
}
