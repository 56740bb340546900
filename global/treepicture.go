package global

import (
	"fmt"
	"image"
	"image/color"
	"strings"

	"gonum.org/v1/plot/vg"
	"gonum.org/v1/plot/vg/draw"
)

// Sizes of a drawn tree, in points.
const (
	nodeText   vg.Length = 10
	nodeSmall  vg.Length = 8.5
	nodeHeight vg.Length = 46
	nodeLevel  vg.Length = 92 // from one level to the next
	nodeGap    vg.Length = 14
	nodeMargin vg.Length = 16
	barHeight  vg.Length = 6
)

// drawnNode is a node with the centre and the width of its box. Its left is yes.
type drawnNode struct {
	*Node
	lines       [2]string
	x, width    vg.Length
	level       int
	left, right *drawnNode
}

// Picture draws the tree from the top down. Each box has the question, or the class
// of a leaf in its colour, the number of images that reach it, and a bar of the
// network's predictions for them. Left is yes. note is drawn below, in one or more
// lines.
func (t *Tree) Picture(note string) image.Image {
	root := t.place(t.Root, 0)
	var right vg.Length
	root.arrange(&right)
	_, depth := t.Size()
	legend := t.legend()
	width := max(right-nodeGap, legend.width, style(nodeText, ink, 0, 0).Width(note)) + 2*nodeMargin
	shift := nodeMargin + (width-2*nodeMargin-(right-nodeGap))/2
	words := vg.Length(2*(1+strings.Count(note, "\n"))) * nodeText // high
	below := nodeMargin + words + 3*nodeText                       // of note and legend
	height := nodeMargin + vg.Length(depth)*nodeLevel + nodeHeight + below
	return paint(width, height, func(c draw.Canvas) {
		top := height - nodeMargin
		root.drawLines(c, shift, top)
		root.draw(c, t, shift, top)
		legend.draw(c, (width-legend.width)/2, nodeMargin+words)
		c.FillText(style(nodeText, ink, draw.XCenter, draw.YBottom), vg.Point{X: width / 2, Y: nodeMargin}, note)
	})
}

// place measures the boxes.
func (t *Tree) place(n *Node, level int) *drawnNode {
	d := &drawnNode{Node: n, level: level}
	of := fmt.Sprintf("%d of %d", n.Counts[n.Class], n.Samples)
	if d.lines = [2]string{t.Classes[n.Class], of}; !n.Leaf() {
		d.lines = [2]string{strings.Replace(t.Question(n), "<=", "≤", 1) + " ?", fmt.Sprintf("%d, most %s", n.Samples, t.Classes[n.Class])}
		yes, no := t.Answers(n)
		d.left, d.right = t.place(yes, level+1), t.place(no, level+1)
	}
	d.width = max(style(nodeText, ink, 0, 0).Width(d.lines[0]), style(nodeSmall, ink, 0, 0).Width(d.lines[1]), 56) + 12
	return d
}

// arrange puts leaves next to each other and questions above the middle of their
// children. right is the first free position.
func (d *drawnNode) arrange(right *vg.Length) {
	if d.Leaf() {
		d.x = *right + d.width/2
		*right += d.width + nodeGap
		return
	}
	start := *right
	d.left.arrange(right)
	d.right.arrange(right)
	d.x = (d.left.x + d.right.x) / 2
	// A wide question over narrow leaves makes room at its sides.
	if over := start - (d.x - d.width/2); over > 0 {
		d.move(over)
		*right += over
	}
	*right = max(*right, d.x+d.width/2+nodeGap)
}

func (d *drawnNode) move(by vg.Length) {
	d.x += by
	if !d.Leaf() {
		d.left.move(by)
		d.right.move(by)
	}
}

// drawLines draws the lines between the boxes.
func (d *drawnNode) drawLines(c draw.Canvas, shift, top vg.Length) {
	if d.Leaf() {
		return
	}
	from := vg.Point{X: d.x + shift, Y: top - vg.Length(d.level)*nodeLevel - nodeHeight}
	for i, child := range []*drawnNode{d.left, d.right} {
		to := vg.Point{X: child.x + shift, Y: top - vg.Length(child.level)*nodeLevel}
		c.StrokeLines(draw.LineStyle{Color: pale, Width: 1.2}, []vg.Point{from, to})
		middle := vg.Point{X: (from.X + to.X) / 2, Y: (from.Y + to.Y) / 2}
		word := []string{"yes", "no"}[i]
		half := style(nodeSmall, ink, 0, 0).Width(word)/2 + 3
		c.FillPolygon(color.White, box(middle.X-half, middle.Y-6, 2*half, 12))
		c.FillText(style(nodeSmall, faint, draw.XCenter, draw.YCenter), middle, word)
		child.drawLines(c, shift, top)
	}
}

func (d *drawnNode) draw(c draw.Canvas, t *Tree, shift, top vg.Length) {
	left, bottom := d.x+shift-d.width/2, top-vg.Length(d.level)*nodeLevel-nodeHeight
	frame := box(left, bottom, d.width, nodeHeight)
	fill := color.Color(color.White)
	if d.Leaf() {
		fill = tint(palette[d.Class%len(palette)])
	}
	c.FillPolygon(fill, frame)
	c.StrokeLines(draw.LineStyle{Color: pale, Width: 1}, append(frame, frame[0]))
	c.FillText(style(nodeText, ink, draw.XCenter, draw.YTop), vg.Point{X: d.x + shift, Y: bottom + nodeHeight - 5}, d.lines[0])
	c.FillText(style(nodeSmall, faint, draw.XCenter, draw.YTop), vg.Point{X: d.x + shift, Y: bottom + nodeHeight - 20}, d.lines[1])
	x, room := left+6, d.width-12
	for class, count := range d.Counts {
		share := room * vg.Length(count) / vg.Length(d.Samples)
		if count > 0 {
			c.FillPolygon(palette[class%len(palette)], box(x, bottom+5, share, barHeight))
		}
		x += share
	}
	if !d.Leaf() {
		d.left.draw(c, t, shift, top)
		d.right.draw(c, t, shift, top)
	}
}

// tint is a light version of a colour, as a background for text.
func tint(c color.RGBA) color.RGBA {
	light := func(v uint8) uint8 { return uint8((int(v) + 3*255) / 4) }
	return color.RGBA{light(c.R), light(c.G), light(c.B), 255}
}

// colourLegend names the colours of the classes.
type colourLegend struct {
	classes []string
	width   vg.Length
}

func (t *Tree) legend() colourLegend {
	l := colourLegend{classes: t.Classes}
	for _, class := range t.Classes {
		l.width += 14 + style(nodeSmall, ink, 0, 0).Width(class) + nodeGap
	}
	l.width -= nodeGap
	return l
}

func (l colourLegend) draw(c draw.Canvas, x, y vg.Length) {
	for i, class := range l.classes {
		c.FillPolygon(palette[i%len(palette)], box(x, y, 9, 9))
		c.FillText(style(nodeSmall, ink, draw.XLeft, draw.YBottom), vg.Point{X: x + 14, Y: y}, class)
		x += 14 + style(nodeSmall, ink, 0, 0).Width(class) + nodeGap
	}
}
