package gradcam

import (
	"math"

	"oscar/explain"
)

// upsample enlarges a grid as tf.image.resize(..., "bilinear") does: bilinear
// between pixel centres at half positions, the edges clamped.
func upsample(g explain.Grid, height, width int) explain.Grid {
	out := explain.NewGrid(height, width)
	columns := neighbours(g.Width, width)
	for y, row := range neighbours(g.Height, height) {
		for x, column := range columns {
			upper := lerp(g.At(row.low, column.low), g.At(row.low, column.high), column.part)
			lower := lerp(g.At(row.high, column.low), g.At(row.high, column.high), column.part)
			out.Values[y*width+x] = lerp(upper, lower, row.part)
		}
	}
	return out
}

// between is a position between two samples: low + (high-low) * part.
type between struct {
	low, high int
	part      float32
}

// neighbours says where each of out samples lies among in samples.
func neighbours(in, out int) []between {
	list := make([]between, out)
	for i := range list {
		at := (float64(i)+0.5)*float64(in)/float64(out) - 0.5
		floor := math.Floor(at)
		list[i] = between{
			low:  min(max(int(floor), 0), in-1),
			high: min(max(int(floor)+1, 0), in-1),
			part: float32(at - floor),
		}
	}
	return list
}

func lerp(a, b, part float32) float32 { return a + (b-a)*part }
