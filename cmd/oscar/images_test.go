package main

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"oscar/internal/testkit"
)

// manyImages is the number of images of TestManyImages.
var manyImages = flag.Int("images", 0, "images of a folder that explain and predict take with flat memory; 0: not tried")

// TestManyImages has a folder of very many images, links to a few: the memory must not
// grow with them.
func TestManyImages(t *testing.T) {
	if *manyImages == 0 {
		t.Skip("takes long; -images N")
	}
	x := newTorture(t, victim{})
	dir := t.TempDir()
	const each = 10_000 // links to a file; file systems have limits
	for i := range *manyImages {
		from := filepath.Join(dir, fmt.Sprintf("source-%d.png", i/each))
		if i%each == 0 {
			b, err := os.ReadFile(filepath.Join(x.data, "can", fmt.Sprintf("%04d.png", i/each%6)))
			if err != nil {
				t.Fatal(err)
			}
			testkit.Write(t, from, string(b))
		}
		folder := filepath.Join(dir, "images", fmt.Sprintf("%03d", i/1000))
		if i%1000 == 0 {
			if err := os.MkdirAll(folder, 0o777); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Link(from, filepath.Join(folder, fmt.Sprintf("%03d.png", i%1000))); err != nil {
			t.Fatal(err)
		}
	}
	for _, call := range []string{"predict $RUN images --out out.csv --threads 1", "explain $RUN images --out out --threads 1 --bare"} {
		verb, _, _ := strings.Cut(call, " ")
		t.Run(verb, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "oscar", x.words(call)...)
			cmd.Dir = dir
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			ended := make(chan error, 1)
			go func() { ended <- cmd.Wait() }()
			var memory []int // MiB, once a second
			for running := true; running; {
				select {
				case err := <-ended:
					if err != nil {
						t.Fatal(err)
					}
					running = false
				case <-time.After(time.Second):
					if n := resident(cmd.Process.Pid); n > 0 {
						memory = append(memory, n)
					}
				}
			}
			if len(memory) < 8 {
				t.Skipf("it took %d s only", len(memory))
			}
			quarter, most := slices.Max(memory[:len(memory)/4]), slices.Max(memory)
			t.Logf("%d images: %d MiB in the first quarter of the time, %d MiB at most", *manyImages, quarter, most)
			if most > quarter+quarter/5 {
				t.Errorf("memory grows from %d to %d MiB", quarter, most)
			}
			if *updateReliability {
				testkit.UpdateRows(t, reliabilityPage, "images", 1, [][]string{{
					"`" + verb + "`", strconv.Itoa(*manyImages), fmt.Sprintf("%d MiB", quarter), fmt.Sprintf("%d MiB", most),
				}})
			}
		})
	}
}

// resident returns the memory of a process, in MiB; 0 if it has ended.
func resident(pid int) int {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib >> 10
		}
	}
	return 0
}
