package dataset

import "slices"

// BalancedOrder returns an order of images for an epoch in which all classes occur equally often, up
// to one visit. The number of visits is the number of images. Images of small classes are visited
// several times, and some images of large classes not at all. Within a class the visits per image
// differ by at most one. classes has the class of each image. Like [Order] it is a pure function of
// its arguments.
func BalancedOrder(classes []int, seed uint64, epoch int) []int {
	of := map[int][]int{}
	for i, class := range classes {
		of[class] = append(of[class], i)
	}
	var present []int
	for class := range of {
		present = append(present, class)
	}
	slices.Sort(present)
	if len(present) == 0 {
		return nil
	}
	r := newRandom(seed, uint64(epoch), 0x62616c616e636564) // "balanced": makes it independent of Order
	r.shuffle(present)                                      // the first classes get the visits that remain
	list := make([]int, 0, len(classes))
	for k, class := range present {
		images := of[class]
		n := len(classes) / len(present)
		if k < len(classes)%len(present) {
			n++
		}
		for n > 0 {
			r.shuffle(images)
			taken := min(n, len(images))
			list = append(list, images[:taken]...)
			n -= taken
		}
	}
	r.shuffle(list)
	return list
}

// shuffle puts the values in random order.
func (r *random) shuffle(values []int) {
	for i := len(values) - 1; i > 0; i-- {
		j := r.intn(i + 1)
		values[i], values[j] = values[j], values[i]
	}
}
