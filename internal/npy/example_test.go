package npy_test

import (
	"fmt"
	"os"
	"path/filepath"

	"oscar/internal/npy"
)

func Example() {
	dir, err := os.MkdirTemp("", "npy")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)

	path := filepath.Join(dir, "map.npy")
	if err := npy.Write(path, []int{2, 3}, []float32{0, 1, 2, 3, 4, 5}); err != nil {
		fmt.Println(err)
		return
	}
	shape, values, err := npy.Read(path)
	fmt.Println(shape, values, err)
	// Output: [2 3] [0 1 2 3 4 5] <nil>
}
