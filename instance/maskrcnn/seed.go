package maskrcnn

import (
	"encoding/binary"
	"math/rand/v2"

	"oscar/internal/seeded"
)

// seededBy returns a generator that depends only on the numbers.
func seededBy(numbers ...uint64) *rand.Rand {
	var key []byte
	for _, n := range numbers {
		key = binary.LittleEndian.AppendUint64(key, n)
	}
	return seeded.New(key)
}
