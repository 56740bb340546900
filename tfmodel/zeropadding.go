package tfmodel

import "fmt"

// ZeroPadding2D surrounds an image with Size rows and columns of zeros on each
// side: [H,W,C] -> [H+2*Size,W+2*Size,C].
type ZeroPadding2D struct {
	Size int `json:"size"`
}

func (*ZeroPadding2D) Kind() string { return "zero_padding2d" }

func (l *ZeroPadding2D) OutShape(in Shape) (Shape, error) {
	switch {
	case len(in) != 3:
		return nil, fmt.Errorf("input is %v, want [height,width,channels]", in)
	case l.Size < 1:
		return nil, fmt.Errorf("size is %d, want at least 1", l.Size)
	}
	return Shape{in[0] + 2*l.Size, in[1] + 2*l.Size, in[2]}, nil
}

func (*ZeroPadding2D) Params(Shape) []Param { return nil }

func (l *ZeroPadding2D) Apply(b *Builder, x Tensor) Tensor {
	around := [2]int{l.Size, l.Size}
	return b.Pad(x, 0, [2]int{}, around, around, [2]int{})
}

func (l *ZeroPadding2D) Backward(b *Builder, x, _, dy Tensor) Tensor {
	return b.Window(dy, l.Size, l.Size, x.Shape()[1], x.Shape()[2], 1)
}

func (*ZeroPadding2D) Traits() Traits { return Traits{LRP: Fold{}, Rearranges: true} }
