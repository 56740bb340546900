package machine

import "runtime"

// Threads is the number of threads of a computation. 0 means one per processor for Intra,
// and one for Inter.
type Threads struct {
	Intra int `json:"intra"` // within one operation
	Inter int `json:"inter"` // operations that run concurrently
}

// Resolve replaces zeros by the defaults.
func (t Threads) Resolve() Threads {
	if t.Intra <= 0 {
		t.Intra = runtime.NumCPU()
	}
	if t.Inter <= 0 {
		t.Inter = 1
	}
	return t
}
