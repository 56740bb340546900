package explain

import (
	"encoding/binary"
	"math/rand/v2"

	"oscar/internal/seeded"
)

// streams gives each sample of an image its own random generator.
type streams [24]byte

// streamsOf mixes the seed with the image's shape and pixels.
func streamsOf(seed uint64, image Images) streams {
	digest := seeded.Digest(image.Pixels, seed, uint64(image.Height), uint64(image.Width), uint64(image.Channels))
	return streams(digest[:24])
}

// sample returns the generator of one sample. It depends on the image and the sample's number.
func (s streams) sample(number int) *rand.Rand {
	var key [32]byte
	copy(key[:], s[:])
	binary.LittleEndian.PutUint64(key[len(s):], uint64(number))
	return seeded.WithKey(key)
}
