package seeded

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// Digest hashes in blocks. The hash of everything at once is the same.
func TestDigest(t *testing.T) {
	for _, n := range []int{0, 1, 1023, 1024, 1025, 5000} {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(i) / 7
		}
		for _, numbers := range [][]uint64{nil, {3}, {1, 2, math.MaxUint64}} {
			var data []byte
			for _, v := range numbers {
				data = binary.LittleEndian.AppendUint64(data, v)
			}
			for _, v := range values {
				data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
			}
			if Digest(values, numbers...) != sha256.Sum256(data) {
				t.Errorf("%d values after %d numbers have another hash", n, len(numbers))
			}
		}
	}
}

func TestNewIsChaCha8OfTheHash(t *testing.T) {
	got, want := New([]byte("glass")), rand.NewChaCha8(sha256.Sum256([]byte("glass")))
	for range 10 {
		if g, w := got.Uint64(), want.Uint64(); g != w {
			t.Fatalf("drew %d, want %d", g, w)
		}
	}
}
