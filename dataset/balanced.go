package dataset

import "slices"

// BalancedOrder returns the order of an epoch with as many visits as there are images, in
// which all classes are visited equally often, up to one visit: images of small classes are
// visited several times, some of large classes not at all. classes has the class of each
// image. Within a class every image is visited equally often, up to one visit. Like [Order]
// it is a pure function of its arguments.
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
	r := newRandom(seed, uint64(epoch), 0x62616c616e636564) // "balanced": independent of the draws of Order
	r.shuffle(present)                                      // the first classes get one visit more
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

// shuffle puts the values into a random order.
func (r *random) shuffle(values []int) {
	for i := len(values) - 1; i > 0; i-- {
		j := r.intn(i + 1)
		values[i], values[j] = values[j], values[i]
	}
}
