package dataset

// A tone has the color changes that are not affine, as defined by Pillow and torchvision. They are
// applied in the order of the fields.
type tone struct {
	autocontrast, equalize bool
	solarize               uint8   // values from this one on are inverted; 0: none
	posterize              uint8   // bits that are kept; 0: all
	sharpness              float64 // factor; 1 changes nothing
}

// apply changes an image [height, width, 3] in place. scratch has the same length.
func (t tone) apply(pixels, scratch []uint8, height, width int) {
	if t.autocontrast {
		mapChannels(pixels, stretch)
	}
	if t.equalize {
		mapChannels(pixels, equalize)
	}
	if t.solarize > 0 || t.posterize > 0 {
		mask := uint8(0xff) << (8 - min(t.posterize, 8))
		if t.posterize == 0 {
			mask = 0xff
		}
		for i, v := range pixels {
			if t.solarize > 0 && v >= t.solarize {
				v = 255 - v
			}
			pixels[i] = v & mask
		}
	}
	if t.sharpness != 1 && height > 2 && width > 2 {
		copy(scratch, pixels)
		sharpen(pixels, scratch, t.sharpness, height, width)
	}
}

// mapChannels replaces the values of each channel by a table. tableOf computes it from the number of
// occurrences of each value.
func mapChannels(pixels []uint8, tableOf func(counts *[256]int) [256]uint8) {
	for c := range 3 {
		var counts [256]int
		for i := c; i < len(pixels); i += 3 {
			counts[pixels[i]]++
		}
		table := tableOf(&counts)
		for i := c; i < len(pixels); i += 3 {
			pixels[i] = table[pixels[i]]
		}
	}
}

// identityTable returns a table that keeps every value.
func identityTable() (table [256]uint8) {
	for v := range table {
		table[v] = uint8(v)
	}
	return table
}

// stretch maps the lowest value to 0 and the highest to 255, as Pillow's autocontrast does.
func stretch(counts *[256]int) [256]uint8 {
	low, high := 0, 255
	for low < 255 && counts[low] == 0 {
		low++
	}
	for high > 0 && counts[high] == 0 {
		high--
	}
	table := identityTable()
	if high <= low {
		return table
	}
	scale := 255 / float64(high-low)
	for v := range table {
		table[v] = uint8(max(0, min(255, float64(float64(v)*scale)-float64(float64(low)*scale))))
	}
	return table
}

// equalize makes values about equally frequent, as Pillow's equalize does.
func equalize(counts *[256]int) [256]uint8 {
	table := identityTable()
	all, last, different := 0, 0, 0
	for _, n := range counts {
		if n > 0 {
			all, last = all+n, n
			different++
		}
	}
	step := (all - last) / 255
	if different < 2 || step == 0 {
		return table
	}
	n := step / 2
	for v := range table {
		table[v] = uint8(min(255, n/step))
		n += counts[v]
	}
	return table
}

// sharpen changes the distance from a smoothed image by a factor, as Pillow's ImageEnhance.Sharpness
// does. Smoothing is the mean of 3x3 pixels with weight 5 in the middle. Border pixels stay.
func sharpen(dst, src []uint8, factor float64, height, width int) {
	stride := 3 * width
	for y := 1; y < height-1; y++ {
		for i := y*stride + 3; i < (y+1)*stride-3; i++ {
			sum := 4 * int(src[i])
			for _, row := range []int{i - stride, i, i + stride} {
				sum += int(src[row-3]) + int(src[row]) + int(src[row+3])
			}
			smooth := float64((2*sum + 13) / 26) // rounded
			dst[i] = uint8(max(0, min(255, smooth+factor*(float64(src[i])-smooth))))
		}
	}
}
