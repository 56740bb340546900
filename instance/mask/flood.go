package mask

// Flood returns the pixels that are connected to a first one by edges, as indices in row-major
// order: those that take accepts. It asks take about a pixel more than once; take must accept
// each only the first time.
func Flood(height, width, first int, take func(i int) bool) (pixels []int) {
	if !take(first) {
		return nil
	}
	pixels = []int{first}
	for k := 0; k < len(pixels); k++ {
		i := pixels[k]
		x := i % width
		for _, n := range [4]int{i - 1, i + 1, i - width, i + width} {
			if n < 0 || n >= height*width || n == i-1 && x == 0 || n == i+1 && x == width-1 || !take(n) {
				continue
			}
			pixels = append(pixels, n)
		}
	}
	return pixels
}
