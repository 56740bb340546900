package mask

// Flood returns the pixels that take accepts and that are connected to the first one (4 neighbors),
// as row-major indices. It may ask take about a pixel several times; take must accept a pixel only
// once.
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
