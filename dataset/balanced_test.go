package dataset

import (
	"slices"
	"testing"
)

// Each class comes as often as any other, up to one, and within a class each image.
func TestBalancedOrder(t *testing.T) {
	var classes []int
	for class, n := range []int{1, 40, 7} {
		classes = append(classes, slices.Repeat([]int{class}, n)...)
	}
	if got := BalancedOrder(nil, 1, 1); got != nil {
		t.Errorf("of no images: %v", got)
	}
	seen := map[int]bool{} // of the large class, over epochs
	for epoch := range 20 {
		order := BalancedOrder(classes, 5, epoch)
		if len(order) != len(classes) {
			t.Fatalf("%d of %d images", len(order), len(classes))
		}
		ofClass, ofImage := make([]int, 3), make([]int, len(classes))
		for _, i := range order {
			ofClass[classes[i]]++
			ofImage[i]++
			seen[i] = true
		}
		if !slices.Equal(ofClass, []int{16, 16, 16}) {
			t.Errorf("classes come %v times", ofClass)
		}
		for i, n := range ofImage {
			if least := []int{16, 0, 2}[classes[i]]; n < least || n > least+1 {
				t.Errorf("epoch %d: image %d of class %d comes %d times", epoch, i, classes[i], n)
			}
		}
		if !slices.Equal(order, BalancedOrder(classes, 5, epoch)) {
			t.Error("the order is not a function of its arguments")
		}
		if slices.Equal(order, BalancedOrder(classes, 5, epoch+1)) || slices.Equal(order, BalancedOrder(classes, 6, epoch)) {
			t.Error("the order does not depend on seed or epoch")
		}
	}
	if len(seen) != len(classes) {
		t.Errorf("%d of %d images come in 20 epochs", len(seen), len(classes))
	}
}
