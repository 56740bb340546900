package global

import (
	"fmt"
	"math/rand/v2"

	"oscar/internal/seeded"
)

// stream returns a random generator for a purpose and a number.
func stream(seed uint64, use string, number int) *rand.Rand {
	return seeded.New(fmt.Appendf(nil, "%d %s %d", seed, use, number))
}
