package global

import (
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
)

// stream is a source of random numbers of its own for each use and number.
func stream(seed uint64, use string, number int) *rand.Rand {
	key := sha256.Sum256(fmt.Appendf(nil, "%d %s %d", seed, use, number))
	return rand.New(rand.NewChaCha8(key))
}
