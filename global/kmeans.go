package global

import (
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/floats"
)

const (
	kmeansStarts = 10
	kmeansRounds = 300
)

// kmeans divides points into k groups by k-means++ (Arthur, Vassilvitskii 2007) and Lloyd's
// algorithm until nothing changes. It starts ten times and returns the result with the smallest sum
// of squared distances. Groups are numbered by size, the largest first, equal ones by their first
// point. A group may be empty if points coincide.
func kmeans(points [][]float64, k int, seed uint64) []int {
	best, least := []int(nil), math.Inf(1)
	for start := range kmeansStarts {
		groups, inertia := lloyd(points, plusPlus(points, k, stream(seed, "k-means", start)))
		if inertia < least {
			best, least = groups, inertia
		}
	}
	return bySize(best, k)
}

// plusPlus draws k points as centers. The probability of a point is proportional to its squared
// distance from the centers drawn before.
func plusPlus(points [][]float64, k int, random *rand.Rand) [][]float64 {
	centers := [][]float64{slices.Clone(points[random.IntN(len(points))])}
	far := make([]float64, len(points))
	for i := range far {
		far[i] = math.Inf(1)
	}
	for len(centers) < k {
		total := 0.0
		for i, p := range points {
			far[i] = min(far[i], squared(p, centers[len(centers)-1]))
			total += far[i]
		}
		at, chosen := random.Float64()*total, len(points)-1
		for i, f := range far {
			if at -= f; at < 0 {
				chosen = i
				break
			}
		}
		centers = append(centers, slices.Clone(points[chosen]))
	}
	return centers
}

// lloyd alternates between assigning points to the nearest centers and moving
// centers to the means of their groups.
func lloyd(points, centers [][]float64) (groups []int, inertia float64) {
	groups = make([]int, len(points))
	for range kmeansRounds {
		changed := false
		inertia = 0
		for i, p := range points {
			nearest := 0
			for c := range centers {
				if squared(p, centers[c]) < squared(p, centers[nearest]) {
					nearest = c
				}
			}
			inertia += squared(p, centers[nearest])
			changed = changed || groups[i] != nearest
			groups[i] = nearest
		}
		for c, mean := range means(points, groups, len(centers)) {
			if mean != nil { // an empty group keeps its center
				centers[c] = mean
			}
		}
		if !changed {
			break
		}
	}
	return groups, inertia
}

// means returns the mean points of the groups; nil for an empty group.
func means(points [][]float64, groups []int, k int) [][]float64 {
	out, sizes := make([][]float64, k), make([]float64, k)
	for i, g := range groups {
		if out[g] == nil {
			out[g] = make([]float64, len(points[i]))
		}
		floats.Add(out[g], points[i])
		sizes[g]++
	}
	for g, sum := range out {
		if sum != nil {
			floats.Scale(1/sizes[g], sum)
		}
	}
	return out
}

// bySize renumbers groups by size, the largest first.
func bySize(groups []int, k int) []int {
	size, first := make([]int, k), make([]int, k)
	for i, g := range slices.Backward(groups) {
		size[g]++
		first[g] = i
	}
	order := make([]int, k)
	for g := range order {
		order[g] = g
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if size[a] != size[b] {
			return size[b] - size[a]
		}
		return first[a] - first[b]
	})
	out := make([]int, len(groups))
	for i, g := range groups {
		out[i] = slices.Index(order, g)
	}
	return out
}

func squared(a, b []float64) float64 {
	sum := 0.0
	for i, v := range a {
		sum += (v - b[i]) * (v - b[i])
	}
	return sum
}
