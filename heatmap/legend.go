package heatmap

import (
	"image"
	"image/color"
)

var white = color.RGBA{255, 255, 255, 255}

const (
	textShare  = 1.0 / 21 // size of the title, relative to the image's shorter side
	noteShare  = 0.78     // size of the note and the labels, relative to the title's
	stripShare = 0.25     // maximum height of the strip, relative to the image's
	titleShare = 0.38     // the same, for a strip with only the title
	stripShade = 0.66     // how much the strip darkens the image, 0 to 1
)

// legend is the content of the strip along an image's lower edge.
type legend struct {
	title string
	notes []string // in the order of preference
	bar   *Bar     // may be nil
}

// drawLegend draws as much of the legend as fits.
func drawLegend(img *image.RGBA, l legend) {
	if p, ok := arrange(l, img.Rect.Dx(), img.Rect.Dy()); ok {
		p.draw(img)
	}
}

// arrange returns the fullest legend that fits, at the largest possible size.
func arrange(l legend, width, height int) (plan, bool) {
	largest := max(times(min(width, height), textShare), smallestText)
	var choices []plan
	for _, note := range l.notes {
		choices = append(choices, plan{title: l.title, note: note, bar: l.bar})
	}
	choices = append(choices, plan{title: l.title, bar: l.bar}, plan{title: l.title})
	for _, p := range choices {
		for size := largest; size >= max(smallestText, largest*2/3); size-- {
			p.size, p.small = size, max(times(size, noteShare), smallestText)
			for _, p.stacked = range []bool{false, true} {
				if p.fits(width, height) {
					return p, true
				}
			}
		}
	}
	last := plan{title: shorten(l.title, smallestText, width-2*margin(smallestText)), size: smallestText}
	return last, last.title != "" && last.fits(width, height)
}

// plan is a legend with its sizes. The text is on the left and the bar on the right, or one is above
// the other.
type plan struct {
	title, note string
	bar         *Bar
	size, small int // of the title, and of the note and labels
	stacked     bool
}

// margin returns the space around the legend, which is small for a tiny image.
func margin(size int) int {
	if size <= smallestText+1 {
		return 2
	}
	return times(size, 0.45)
}

// text returns the space for title and note.
func (p plan) text() (width, height int) {
	if p.title != "" {
		width, height = textWidth(p.title, p.size), times(p.size, lineHeight)
	}
	if p.note != "" {
		width, height = max(width, textWidth(p.note, p.small)), height+times(p.small, lineHeight)
	}
	return width, height
}

// gap returns the space between the text and a bar below it.
func (p plan) gap() int { return times(p.small, 0.3) }

// need returns the space for the whole legend, with margins.
func (p plan) need() (width, height int) {
	width, height = p.text()
	if p.bar != nil {
		barWidth, barHeight := p.bar.minWidth(p.small), p.bar.height(p.small)
		switch {
		case width == 0 || p.stacked:
			width, height = max(width, barWidth), height+p.gap()+barHeight
		default:
			width, height = width+2*p.size+barWidth, max(height, barHeight)
		}
	}
	if width == 0 {
		return 0, 0
	}
	return width + 2*margin(p.size), height + 2*margin(p.size)
}

// fits reports whether an image has this space.
func (p plan) fits(width, height int) bool {
	share := stripShare
	if p.note == "" && p.bar == nil {
		share = titleShare
	}
	w, h := p.need()
	return w <= width && h <= times(height, share)
}

// draw darkens the strip and fills it.
func (p plan) draw(img *image.RGBA) {
	_, deep := p.need()
	width, height := img.Rect.Dx(), img.Rect.Dy()
	darken(img, height-deep)
	edge := margin(p.size)
	textWidth, textHeight := p.text()
	y := height - deep + edge
	if p.title != "" {
		DrawText(img, p.title, edge, y, p.size, white)
	}
	if p.note != "" {
		DrawText(img, p.note, edge, y+textHeight-times(p.small, lineHeight), p.small, white)
	}
	if p.bar == nil {
		return
	}
	room := width - 2*edge
	if p.stacked {
		p.bar.draw(img, edge, y+textHeight+p.gap(), room, p.small, white)
		return
	}
	if textWidth > 0 {
		room -= textWidth + 2*p.size
	}
	barWidth := min(room, max(p.bar.minWidth(p.small), width/3))
	barTop := height - deep + (deep-p.bar.height(p.small)+1)/2
	p.bar.draw(img, width-edge-barWidth, barTop, barWidth, p.small, white)
}

// darken shades the rows from top to the lower edge.
func darken(img *image.RGBA, top int) {
	var shade [256]uint8
	for i := range shade {
		shade[i] = uint8(float64(i)*(1-stripShade) + 0.5)
	}
	rest := img.Pix[top*img.Stride:]
	for i := 0; i+3 < len(rest); i += 4 {
		rest[i], rest[i+1], rest[i+2] = shade[rest[i]], shade[rest[i+1]], shade[rest[i+2]]
		rest[i+3] = 255 - shade[255-rest[i+3]]
	}
}
