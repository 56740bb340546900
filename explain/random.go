package explain

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
)

// draws gives each sample of an image a source of random numbers of its own.
type draws [24]byte

// drawsOf mixes the seed with the image's shape and pixels.
func drawsOf(seed uint64, image Images) draws {
	hash := sha256.New()
	block := make([]byte, 0, 4096)
	for _, n := range []uint64{seed, uint64(image.Height), uint64(image.Width), uint64(image.Channels)} {
		block = binary.LittleEndian.AppendUint64(block, n)
	}
	for _, p := range image.Pixels {
		if len(block)+4 > cap(block) {
			hash.Write(block)
			block = block[:0]
		}
		block = binary.LittleEndian.AppendUint32(block, math.Float32bits(p))
	}
	hash.Write(block)
	return draws(hash.Sum(nil))
}

// sample is the source of one sample: ChaCha8, keyed by the image and the
// sample's number.
func (d draws) sample(number int) *rand.Rand {
	var key [32]byte
	copy(key[:], d[:])
	binary.LittleEndian.PutUint64(key[len(d):], uint64(number))
	return rand.New(rand.NewChaCha8(key))
}
