package dataset_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"oscar/dataset"
)

// From a folder of images to batches for training.
func Example() {
	dir, err := os.MkdirTemp("", "dataset-")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	// Six kinds of objects, 20 pictures of each; any folder of folders will do.
	if err := dataset.Synthesize(ctx, dir, dataset.SyntheticOptions{PerClass: 20, Width: 64, Height: 64, Seed: 1}); err != nil {
		log.Fatal(err)
	}
	folder, err := dataset.Scan(ctx, filepath.Join(dir, "images"), dataset.ScanOptions{})
	if err != nil {
		log.Fatal(err)
	}
	split, err := dataset.NewSplit(folder, dataset.DefaultFractions, 42)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(split.Classes, len(split.Train), len(split.Validation), len(split.Test))

	loader, err := dataset.NewLoader(dataset.LoaderOptions{Root: folder.Root, Framing: dataset.Framing{Height: 32, Width: 32}, Cache: dataset.CacheMemory})
	if err != nil {
		log.Fatal(err)
	}
	defer loader.Close()
	for epoch := range 2 {
		order := dataset.Order(len(split.Train), split.Seed, epoch)
		for batch, err := range loader.Batches(ctx, split.Train, order, 32) {
			if err != nil {
				log.Fatal(err)
			}
			fmt.Println(epoch, batch.N, len(batch.Images)) // valid until the next step
		}
	}
	// Output:
	// [bottle box can paper roll tray] 84 18 18
	// 0 32 98304
	// 0 32 98304
	// 0 20 61440
	// 1 32 98304
	// 1 32 98304
	// 1 20 61440
}
