package score

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// stream is the random stream of a purpose, of what it is about (the digest of
// an image, or nothing) and of numbers. It depends on no method: every method
// meets the same draws, so that differences between methods are differences of
// their maps.
func stream(seed uint64, purpose string, about []byte, numbers ...int) *rand.Rand {
	text := binary.LittleEndian.AppendUint64(nil, seed)
	for _, n := range numbers {
		text = binary.LittleEndian.AppendUint64(text, uint64(n))
	}
	text = append(text, about...)
	text = append(text, purpose...)
	return rand.New(rand.NewChaCha8(sha256.Sum256(text)))
}

// digest stands for an image: draws go by what it shows, not by its place.
func digest(image []float32) []byte {
	hash := sha256.New()
	block := make([]byte, 0, 4096)
	for i, v := range image {
		block = binary.LittleEndian.AppendUint32(block, math.Float32bits(v))
		if len(block) == cap(block) || i == len(image)-1 {
			hash.Write(block)
			block = block[:0]
		}
	}
	return hash.Sum(nil)
}
