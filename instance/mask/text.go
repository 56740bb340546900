package mask

import "fmt"

// Text returns the run lengths in COCO's compact format. From the fourth length on, it stores the
// difference from the length two before. A number is written in digits of five bits, the lowest
// digit first. A sixth bit is set if another digit follows, and 48 is added to make a printable
// character. The highest bit of the last digit is the sign.
func (r RLE) Text() string {
	var out []byte
	for i, n := range r.Counts {
		x := int64(n)
		if i > 2 {
			x -= int64(r.Counts[i-2])
		}
		for more := true; more; {
			digit := byte(x & 31)
			x >>= 5
			negative := digit&16 != 0
			more = negative && x != -1 || !negative && x != 0
			if more {
				digit |= 32
			}
			out = append(out, digit+48)
		}
	}
	return string(out)
}

// Parse parses the format of [RLE.Text].
func Parse(height, width int, text string) (RLE, error) {
	var counts []uint32
	for at := 0; at < len(text); {
		var x int64
		for shift := 0; ; shift += 5 {
			if at == len(text) {
				return RLE{}, fmt.Errorf("the compact mask %s ends within a number", shorten(text))
			}
			digit := int64(text[at]) - 48
			if digit < 0 || digit > 63 || shift > 35 {
				return RLE{}, fmt.Errorf("the compact mask %s is wrong at character %d", shorten(text), at+1)
			}
			at++
			x |= digit & 31 << shift
			if digit&32 == 0 {
				if digit&16 != 0 {
					x |= -1 << (shift + 5)
				}
				break
			}
		}
		if len(counts) > 2 {
			x += int64(counts[len(counts)-2])
		}
		if x < 0 || x > maxPixels {
			return RLE{}, fmt.Errorf("the compact mask %s has a run of %d pixels", shorten(text), x)
		}
		counts = append(counts, uint32(x))
	}
	return FromCounts(height, width, counts)
}

// shorten quotes the start of a text.
func shorten(text string) string {
	if len(text) > 24 {
		return fmt.Sprintf("%q...", text[:24])
	}
	return fmt.Sprintf("%q", text)
}
