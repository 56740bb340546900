package pipeline

import (
	"os"
	"path/filepath"
	"testing"

	"oscar/internal/atomicfile"
	"oscar/internal/npy"
)

// BenchmarkFiles writes the files of an image in a folder run: a map of 13x13 and an overlay
// of 60 kB.
func BenchmarkFiles(b *testing.B) {
	dir := b.TempDir()
	values, overlay := make([]float32, 13*13), make([]byte, 60_000)
	for b.Loop() {
		if err := npy.Write(filepath.Join(dir, "map.npy"), []int{13, 13}, values); err != nil {
			b.Fatal(err)
		}
		err := atomicfile.Draft(filepath.Join(dir, "overlay.jpg"), func(f *os.File) error {
			_, err := f.Write(overlay)
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
}
