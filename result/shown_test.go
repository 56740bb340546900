package result

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func classified(image, sha, truth, predicted string, probability float32) Classification {
	return Classification{Image: image, SHA256: sha, Truth: truth, Predicted: predicted, Probability: &probability}
}

// Among the examples errors have the share that they have among all images, for
// every number of errors in every class.
func TestShownHasTheShareOfErrors(t *testing.T) {
	const perClass = 7
	for _, slots := range []int{1, 2, 3} {
		for a := range perClass + 1 {
			for b := range perClass + 1 {
				for c := range perClass + 1 {
					chooser := NewChooser([]string{"a", "b", "c"})
					for class, wrong := range []int{a, b, c} {
						for i := range perClass {
							truth, predicted := string(rune('a'+class)), string(rune('a'+class))
							if i < wrong {
								predicted = string(rune('a' + (class+1)%3))
							}
							name := fmt.Sprint(truth, i)
							chooser.Add(classified(name, name, truth, predicted, 0.5))
						}
					}
					s := chooser.Shown(slots)
					shown, wrong := 0, 0
					for _, list := range s.Examples {
						for _, e := range list {
							shown++
							if !e.Correct() {
								wrong++
							}
						}
					}
					share := float64(a+b+c) / (3 * perClass)
					if shown != 3*slots || math.Abs(float64(wrong)-share*float64(shown)) > 0.5+1e-9 {
						t.Fatalf("%d, %d and %d errors: %d of the %d shown are wrong", a, b, c, wrong, shown)
					}
				}
			}
		}
	}
}

// The examples are those with the smallest hashes, whatever the order and the
// confidence; the others are the most confident.
func TestShown(t *testing.T) {
	images := []Classification{
		classified("1", "d", "can", "can", 0.99), classified("2", "a", "can", "can", 0.3), classified("3", "c", "can", "can", 0.6),
		classified("4", "b", "can", "can", 0.5), classified("5", "e", "can", "tray", 0.7), classified("6", "f", "can", "tray", 0.8),
		classified("7", "g", "", "tray", 0.9), classified("8", "h", "", "nothing", 0.9),
	}
	for _, order := range [][]int{{0, 1, 2, 3, 4, 5, 6, 7}, {7, 6, 5, 4, 3, 2, 1, 0}, {3, 6, 0, 5, 7, 2, 4, 1}} {
		c := NewChooser([]string{"bottle", "can", "tray"})
		for _, i := range order {
			c.Add(images[i])
		}
		s := c.Shown(3)
		names := func(list []Classification) (text string) {
			for _, e := range list {
				text += e.Image
			}
			return text
		}
		got := []string{fmt.Sprint(s.Classes), names(s.Examples[0]), names(s.Examples[1]), names(s.Wrong), names(s.Right), fmt.Sprint(s.Errors, s.Images, s.Left)}
		if diff := cmp.Diff([]string{"[can tray]", "245", "7", "65", "1342", "2 7 0"}, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestCommands(t *testing.T) {
	dir := t.TempDir()
	if lines, err := Commands(dir); lines != nil || err != nil {
		t.Errorf("an older folder has %q, %v", lines, err)
	}
	first := []string{"oscar", "explain", "run", "/home/me/my photos", "--out=/tmp/x", "--class", "it's", ""}
	for _, args := range [][]string{first, {"oscar", "explain", "run", "a/b", "--out", "x", "--samples=4"}, first} {
		if err := AddCommand(dir, args); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Commands(dir)
	if diff := cmp.Diff([]string{"oscar explain run a/b --out x --samples=4", `oscar explain run 'my photos' --out=x --class 'it'\''s' ''`}, got); diff != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
}
