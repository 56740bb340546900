package dataset

// sets are disjoint sets of numbers from 0 (union-find with path halving). The
// smallest number represents its set.
type sets []int32

func newSets(n int) sets {
	s := make(sets, n)
	for i := range s {
		s[i] = int32(i)
	}
	return s
}

func (s sets) find(i int32) int32 {
	for s[i] != i {
		s[i] = s[s[i]]
		i = s[i]
	}
	return i
}

func (s sets) join(i, j int32) {
	i, j = s.find(i), s.find(j)
	s[max(i, j)] = min(i, j)
}

// groups lists the sets of two or more numbers, each in ascending order.
func (s sets) groups() (groups [][]int32) {
	size := make([]int32, len(s))
	for i := range s {
		size[s.find(int32(i))]++
	}
	place := make([]int32, len(s))
	for i := range s {
		root := s.find(int32(i))
		if size[root] < 2 {
			continue
		}
		if root == int32(i) {
			place[i] = int32(len(groups))
			groups = append(groups, nil)
		}
		groups[place[root]] = append(groups[place[root]], int32(i))
	}
	return groups
}
