package scene

import "math"

// refined moves the outline of a rough mask to the sharpest edges, by random walks with priors
// (Grady 2005). It minimizes sum w (x_i - x_j)^2 + sum c (x_i - p_i)^2 over the pixels' values x,
// where w is small across an edge. The result has the pixels with x above 0.5.
func refined(rough []bool, difference, edges []float64, shadow []bool, strong, sharp float64, reach, height, width int) []bool {
	within, near := eroded(rough, height, width, reach), grown(rough, height, width, 2, true)
	busy := make([]float64, len(rough)) // the share of sharp pixels nearby
	for i, e := range edges {
		if e > sharp {
			busy[i] = 1
		}
	}
	busy = blurred(blurred(busy, 1, width, reach), width, height, reach)
	sure, prior, x := make([]float64, len(rough)), make([]float64, len(rough)), make([]float64, len(rough))
	right, down := make([]float64, len(rough)), make([]float64, len(rough))
	weight := func(a, b int) float64 {
		e := max(edges[a], edges[b]) / sharp
		return math.Exp(-e*e/2) + 0.002
	}
	for i := range rough {
		if !near[i] {
			sure[i] = 1
			continue
		}
		if rough[i] {
			x[i] = 1
		}
		evidence := min(max(difference[i]/strong-0.5, 0), 1)
		if shadow[i] {
			evidence = min(max(difference[i]/strong/1.8-0.5, 0), 1)
		}
		if within[i] {
			evidence = max(evidence, min(2*busy[i], 1))
		}
		against := 0.001
		if shadow[i] {
			against = 0.01
		}
		object := 0.1 * evidence
		against *= 1 - evidence
		sure[i] = object + against
		prior[i] = object
	}
	for i := range rough[:len(rough)-width] {
		right[i], down[i] = weight(i, i+1), weight(i, i+width)
	}
	var places []int // indices of the unknown pixels
	for y := 1; y < height-1; y++ {
		for i := y*width + 1; i < (y+1)*width-1; i++ {
			if near[i] {
				places = append(places, i)
			}
		}
	}
	const over = 1.8
	for range 60 {
		for _, i := range places {
			sum := prior[i] + right[i-1]*x[i-1] + right[i]*x[i+1] + down[i-width]*x[i-width] + down[i]*x[i+width]
			total := sure[i] + right[i-1] + right[i] + down[i-width] + down[i]
			x[i] += over * (sum/total - x[i])
		}
	}
	copyBorder(x, height, width)
	out := make([]bool, len(x))
	for i, v := range x {
		out[i] = v > 0.5
	}
	return out
}

// sharpness returns the share of a mask's outline with a sharp edge at most one pixel away. The
// outline along the picture's border does not count.
func sharpness(object []bool, edges []float64, sharp float64, height, width int) float64 {
	outline, good := 0, 0
	for y := 3; y < height-3; y++ {
		for x := 3; x < width-3; x++ {
			i := y*width + x
			if !object[i] || object[i-1] && object[i+1] && object[i-width] && object[i+width] {
				continue
			}
			outline++
			for d := range 9 {
				if edges[i+(d/3-1)*width+d%3-1] > sharp {
					good++
					break
				}
			}
		}
	}
	return float64(good) / float64(max(1, outline))
}
