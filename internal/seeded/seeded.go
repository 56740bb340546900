// Package seeded makes random numbers from a seed and data. The same input gives the same numbers on
// every machine and in every version of Go, so results can be reproduced with the same bits.
package seeded

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// New returns a generator, ChaCha8, with the SHA-256 hash of data as its key.
func New(data []byte) *rand.Rand {
	return WithKey(sha256.Sum256(data))
}

// WithKey returns a generator, ChaCha8, with the key.
func WithKey(key [32]byte) *rand.Rand { return rand.New(rand.NewChaCha8(key)) }

// Digest returns the SHA-256 hash of the numbers, then of the bits of the values,
// all little-endian. As the key of an image, it makes the random numbers depend on the
// image's content, not on its place in a batch.
func Digest(values []float32, numbers ...uint64) [32]byte {
	hash := sha256.New()
	buf := make([]byte, 0, 4096)
	for _, n := range numbers {
		buf = binary.LittleEndian.AppendUint64(buf, n)
	}
	for _, v := range values {
		if len(buf)+4 > cap(buf) {
			hash.Write(buf)
			buf = buf[:0]
		}
		buf = binary.LittleEndian.AppendUint32(buf, math.Float32bits(v))
	}
	hash.Write(buf)
	return [32]byte(hash.Sum(nil))
}
