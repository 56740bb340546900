package score

import (
	"fmt"
	"math"
)

// Clustered summarizes a table whose values belong to objects; an image can have several. cluster
// has the image of each value. Means are over objects. Intervals are over 2000 samples of the images
// with replacement, each with all objects of its images. The N of a difference is the number of
// images, which are independent.
func Clustered(t Table, cluster []int) (Table, error) {
	for _, row := range t.Rows {
		for i := range row.Cells {
			cell := &row.Cells[i]
			if len(cell.Values) != len(cluster) {
				return t, fmt.Errorf("%s of %s has %d values for %d objects", t.Metrics[i].Name, row.Method, len(cell.Values), len(cluster))
			}
			cell.Summary = Summary{Interval: clustered(cell.Values, cluster, t.Seed)}
			for _, v := range cell.Values {
				if !v.OK() {
					cell.leaveOut(v)
				}
			}
		}
	}
	for _, row := range t.Rows {
		for i := range row.Cells {
			row.Cells[i].Versus = nil
			for _, control := range t.Rows {
				if row.Control || !control.Control {
					continue
				}
				pairs, images := make([]Value, len(cluster)), map[int]bool{}
				for k, v := range row.Cells[i].Values {
					pairs[k] = unjudged(NoScore)
					if c := control.Cells[i].Values[k]; v.OK() && c.OK() {
						pairs[k] = judged(float64(v.Value - c.Value))
						images[cluster[k]] = true
					}
				}
				d := Difference{control.Method, clustered(pairs, cluster, t.Seed)}
				d.N = len(images)
				row.Cells[i].Versus = append(row.Cells[i].Versus, d)
			}
		}
	}
	return t, nil
}

// clustered returns the mean of the values that are OK, with an interval by the percentile method
// over clusters.
func clustered(values []Value, cluster []int, seed uint64) Interval {
	nan := Number(math.NaN())
	out := Interval{nan, nan, nan, 0}
	byImage := map[int][]float64{}
	sum := 0.0
	for i, v := range values {
		if v.OK() {
			byImage[cluster[i]] = append(byImage[cluster[i]], float64(v.Value))
			sum += float64(v.Value)
			out.N++
		}
	}
	if out.N == 0 {
		return out
	}
	out.Mean = Number(sum / float64(out.N))
	images := groups(byImage)
	if len(images) < 2 {
		return out
	}
	random := stream(seed, "bootstrap", nil)
	means := make([]float64, resamples)
	for i := range means {
		sum, n := 0.0, 0
		for range images {
			drawn := images[random.IntN(len(images))]
			n += len(drawn)
			for _, v := range drawn {
				sum += v
			}
		}
		means[i] = sum / float64(n)
	}
	out.bound(means)
	return out
}
