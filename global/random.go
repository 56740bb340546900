package global

import (
	"fmt"
	"math/rand/v2"

	"oscar/internal/seeded"
)

// stream returns the random numbers of a use and a number.
func stream(seed uint64, use string, number int) *rand.Rand {
	return seeded.New(fmt.Appendf(nil, "%d %s %d", seed, use, number))
}
